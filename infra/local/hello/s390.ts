/** The instructions are as in IBM's "z/Architecture Principles of Operation". They are 2, 4 or 6 bytes long. */
import { instructions, words, type Machine } from './machine.ts';

/** A system call has its number in the instruction, and arguments in r2, r3, r4. `write` is 4, `exit` is 1. */
export const s390x: Machine = {
  elf: { bits: 64, endian: 'big', machine: 22, flags: 0 },
  program: ({ address, size }) =>
    instructions(
      lgfi(2, 1), // lgfi %r2, 1
      lgfi(3, address), // lgfi %r3, address
      lgfi(4, size), // lgfi %r4, size
      [0x0a, 4], // svc 4
      lgfi(2, 0), // lgfi %r2, 0
      [0x0a, 1], // svc 1
    ),
};

function lgfi(register: number, value: number): readonly number[] {
  return [0xc0, (register << 4) | 1, ...words('big', value)];
}
