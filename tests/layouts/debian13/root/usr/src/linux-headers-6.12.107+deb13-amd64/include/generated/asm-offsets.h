/* asm-offsets */
