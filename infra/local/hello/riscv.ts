/** The instructions are as in "The RISC-V Instruction Set Manual", volume I, RV64I. */
import { words, type Machine } from './machine.ts';

/** A system call has its number in a7, and arguments in a0, a1, a2. `write` is 64, `exit` is 93. */
export const riscv64: Machine = {
  elf: { bits: 64, endian: 'little', machine: 243, flags: 0 },
  program: ({ address, size }) => {
    // `addi` extends the sign of its 12 bits, so the part that `lui` sets is rounded, not cut.
    const upper = (address + 0x800) >>> 12;
    return words(
      'little',
      addi(A0, ZERO, 1), // li a0, 1
      lui(A1, upper), // lui a1, upper
      addi(A1, A1, address - upper * 0x1000), // addi a1, a1, lower
      addi(A2, ZERO, size), // li a2, size
      addi(A7, ZERO, 64), // li a7, 64
      ECALL, // ecall
      addi(A0, ZERO, 0), // li a0, 0
      addi(A7, ZERO, 93), // li a7, 93
      ECALL, // ecall
    );
  },
};

const ZERO = 0;
const A0 = 10;
const A1 = 11;
const A2 = 12;
const A7 = 17;

const ECALL = 0x00000073;

function addi(to: number, from: number, value: number): number {
  return ((value << 20) | (from << 15) | (to << 7) | 0x13) >>> 0;
}

function lui(to: number, upper: number): number {
  return ((upper << 12) | (to << 7) | 0x37) >>> 0;
}
