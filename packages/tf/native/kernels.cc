// What the kernels of all instruction sets share: the choice of one, memory for intermediate values, and the threads.
#include "kernels.h"

#include <signal.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <thread>

namespace saphena_avx512 { extern const saphena::Kernels table; }
namespace saphena_avx2 { extern const saphena::Kernels table; }

namespace saphena {
namespace {

constexpr size_t ALIGNMENT = 64;

struct Memory {
  float* values = nullptr;
  int64_t size = 0;
  ~Memory() { free(values); }
};
thread_local Memory memories[SLOTS];

/** Set by the engine before the library is loaded; TensorFlow's own kernels take the same number. */
int configuredThreads() {
  const char* text = getenv("TF_NUM_INTRAOP_THREADS");
  const int threads = text == nullptr ? 0 : atoi(text);
  return threads > 0 ? threads : 1;
}

/** Threads that wait for work for as long as the process lives. The caller of `run` is one of them. */
class Pool {
 public:
  explicit Pool(int threads) {
    for (int i = 1; i < threads; i++) std::thread(&Pool::serve, this).detach();
  }

  void run(int parts, void (*body)(void*, int), void* context) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      body_ = body;
      context_ = context;
      parts_ = parts;
      next_ = 0;
      open_ = parts;
    }
    changed_.notify_all();
    work();
    // The last parts are short: waiting for them awake costs less than being woken.
    while (open_.load(std::memory_order_acquire) > 0) std::this_thread::yield();
  }

 private:
  /** Takes parts until none is left. */
  void work() {
    for (;;) {
      void (*body)(void*, int);
      void* context;
      int part;
      {
        std::lock_guard<std::mutex> lock(mutex_);
        if (next_ >= parts_) return;
        part = next_++;
        body = body_;
        context = context_;
      }
      body(context, part);
      open_.fetch_sub(1, std::memory_order_acq_rel);
    }
  }

  void serve() {
    sigset_t all; // signals are for the threads of the host program
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    for (;;) {
      {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [this] { return next_ < parts_; });
      }
      work();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  void (*body_)(void*, int) = nullptr;
  void* context_ = nullptr;
  int parts_ = 0;
  int next_ = 0;
  std::atomic<int> open_{0};
};

/** SAPHENA_KERNELS=avx2 keeps a wider processor to these, so that one machine can test both. */
bool takesAvx512() {
  const char* wanted = getenv("SAPHENA_KERNELS");
  if (wanted != nullptr && std::strcmp(wanted, "avx2") == 0) return false;
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& chosen = takesAvx512() ? saphena_avx512::table : saphena_avx2::table;
  return chosen;
}

float* scratch(Slot slot, int64_t floats) {
  Memory& memory = memories[slot];
  if (memory.size < floats) {
    free(memory.values);
    const size_t bytes = (floats * sizeof(float) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    memory.values = static_cast<float*>(aligned_alloc(ALIGNMENT, bytes));
    if (memory.values == nullptr) {
      memory.size = 0;
      throw std::bad_alloc();
    }
    memory.size = floats;
  }
  return memory.values;
}

int threadCount() {
  static const int threads = configuredThreads();
  return threads;
}

void parallel(int parts, void (*body)(void*, int), void* context) {
  if (parts == 1 || threadCount() == 1) {
    for (int part = 0; part < parts; part++) body(context, part);
    return;
  }
  static std::mutex one;
  static Pool* pool = new Pool(threadCount()); // never deleted: its threads may outlive every destructor
  std::lock_guard<std::mutex> lock(one);
  pool->run(parts, body, context);
}

}  // namespace saphena
