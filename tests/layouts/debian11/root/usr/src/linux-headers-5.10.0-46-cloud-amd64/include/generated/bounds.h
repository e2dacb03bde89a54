#ifndef __LINUX_BOUNDS_H__
