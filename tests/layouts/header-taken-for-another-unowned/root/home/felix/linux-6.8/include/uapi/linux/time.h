struct __kernel_timespec { long tv_sec; };
