#ifndef __ASM_OFFSETS_H__
