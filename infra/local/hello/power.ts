/** The instructions are as in the "Power ISA", book I. */
import { high, low, words, type Machine } from './machine.ts';

/**
 * The flag stands for the second binary interface. Without it, Linux looks for a function descriptor at the entry
 * address.
 */
const ELF_V2 = 2;

/** A system call has its number in r0, and arguments in r3, r4, r5. `write` is 4, `exit` is 1. */
export const ppc64le: Machine = {
  elf: { bits: 64, endian: 'little', machine: 21, flags: ELF_V2 },
  program: ({ address, size }) =>
    words(
      'little',
      li(0, 4), // li r0, 4
      li(3, 1), // li r3, 1
      lis(4, high(address)), // lis r4, high
      ori(4, low(address)), // ori r4, r4, low
      li(5, size), // li r5, size
      SC, // sc
      li(0, 1), // li r0, 1
      li(3, 0), // li r3, 0
      SC, // sc
    ),
};

const SC = 0x44000002;

function li(register: number, value: number): number {
  return ((14 << 26) | (register << 21) | value) >>> 0;
}

function lis(register: number, value: number): number {
  return ((15 << 26) | (register << 21) | value) >>> 0;
}

function ori(register: number, value: number): number {
  return ((24 << 26) | (register << 21) | (register << 16) | value) >>> 0;
}
