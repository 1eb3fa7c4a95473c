/** The instructions are as in Intel's "Software Developer's Manual", volume 2: an opcode byte, then its operands. */
import { instructions, words, type Machine } from './machine.ts';

/** A system call has its number in eax, and arguments in edi, esi, edx. `write` is 1, `exit` is 60. */
export const amd64: Machine = {
  elf: { bits: 64, endian: 'little', machine: 62, flags: 0 },
  program: ({ address, size }) =>
    instructions(
      [0xb8, ...operand(1)], // mov eax, 1
      [0xbf, ...operand(1)], // mov edi, 1
      [0xbe, ...operand(address)], // mov esi, address
      [0xba, ...operand(size)], // mov edx, size
      [0x0f, 0x05], // syscall
      [0xb8, ...operand(60)], // mov eax, 60
      [0x31, 0xff], // xor edi, edi
      [0x0f, 0x05], // syscall
    ),
};

/** A system call has its number in eax, and arguments in ebx, ecx, edx. `write` is 4, `exit` is 1. */
export const i386: Machine = {
  elf: { bits: 32, endian: 'little', machine: 3, flags: 0 },
  program: ({ address, size }) =>
    instructions(
      [0xb8, ...operand(4)], // mov eax, 4
      [0xbb, ...operand(1)], // mov ebx, 1
      [0xb9, ...operand(address)], // mov ecx, address
      [0xba, ...operand(size)], // mov edx, size
      [0xcd, 0x80], // int 0x80
      [0xb8, ...operand(1)], // mov eax, 1
      [0x31, 0xdb], // xor ebx, ebx
      [0xcd, 0x80], // int 0x80
    ),
};

function operand(value: number): Uint8Array {
  return words('little', value);
}
