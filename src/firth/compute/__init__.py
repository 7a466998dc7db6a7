"""How a formula becomes machine code: Numba, vector instructions, threads, random bits, hashing."""
