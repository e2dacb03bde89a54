/* SPDX-License-Identifier: GPL-2.0 */
#include <asm/ia32.h>
