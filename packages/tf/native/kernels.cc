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

/** Turns of a waiting loop before a thread lets go of its core: some 0.2 ms, more than lies between most operations of a step. */
constexpr int SPINS = 5000;

/** Threads that wait for work for as long as the process lives: awake for a moment, because the next work comes soon, then asleep. */
class Pool {
 public:
  explicit Pool(int helpers) : helpers_(helpers) {
    for (int i = 1; i <= helpers; i++) std::thread(&Pool::serve, this, i).detach();
  }

  /** Part 0 is done by the caller, each other part by a thread of its own; `helpers` + 1 parts. */
  void run(void (*body)(void*, int), void* context) {
    body_ = body;
    context_ = context;
    busy_.store(helpers_, std::memory_order_relaxed);
    generation_.fetch_add(1);
    if (sleeping_.load() > 0) {
      std::lock_guard<std::mutex> lock(mutex_);
      changed_.notify_all();
    }
    body(context, 0);
    for (int spin = 0; busy_.load(std::memory_order_acquire) > 0; spin++)
      if (spin < SPINS)
        __builtin_ia32_pause();
      else
        std::this_thread::yield();
  }

 private:
  void serve(int part) {
    sigset_t all;  // signals are for the threads of the host program
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    for (unsigned done = 0;;) {
      await(done);
      done++;
      body_(context_, part);
      busy_.fetch_sub(1, std::memory_order_acq_rel);
    }
  }

  /** Until there is work that this thread has not done yet. */
  void await(unsigned done) {
    for (int spin = 0; spin < SPINS; spin++) {
      if (generation_.load() != done) return;
      __builtin_ia32_pause();
    }
    std::unique_lock<std::mutex> lock(mutex_);
    sleeping_.fetch_add(1);  // before the last look at the generation: `run` looks at both in the other order
    changed_.wait(lock, [&] { return generation_.load() != done; });
    sleeping_.fetch_sub(1);
  }

  const int helpers_;
  void (*body_)(void*, int) = nullptr;
  void* context_ = nullptr;
  std::atomic<unsigned> generation_{0};
  std::atomic<int> busy_{0};
  std::atomic<int> sleeping_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
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

int partsFor(int64_t work, int64_t least) { return work < least ? 1 : threadCount(); }

void parallel(int parts, void (*body)(void*, int), void* context) {
  if (parts == 1) return body(context, 0);
  static std::mutex one;
  static Pool* pool = new Pool(threadCount() - 1);  // never deleted: its threads may outlive every destructor
  std::lock_guard<std::mutex> lock(one);
  pool->run(body, context);
}

}  // namespace saphena
