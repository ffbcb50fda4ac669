// TensorFlow's C interface for kernels includes this header of its C++ part, which set-up does not install, and uses nothing of it.
#pragma once
