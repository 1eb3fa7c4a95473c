/** The instructions are as in the "Arm Architecture Reference Manual", editions for A-profile and for ARMv7-A. */
import { high, low, words, type Machine } from './machine.ts';

/** A system call has its number in x8, and arguments in x0, x1, x2. `write` is 64, `exit` is 93. */
export const arm64: Machine = {
  elf: { bits: 64, endian: 'little', machine: 183, flags: 0 },
  program: ({ address, size }) =>
    words(
      'little',
      movz(0, 1), // movz x0, #1
      movz(1, low(address)), // movz x1, #low
      movkHigh(1, high(address)), // movk x1, #high, lsl #16
      movz(2, size), // movz x2, #size
      movz(8, 64), // movz x8, #64
      SVC_64, // svc #0
      movz(0, 0), // movz x0, #0
      movz(8, 93), // movz x8, #93
      SVC_64, // svc #0
    ),
};

const SVC_64 = 0xd4000001;

function movz(register: number, value: number): number {
  return (0xd2800000 | (value << 5) | register) >>> 0;
}

function movkHigh(register: number, value: number): number {
  return (0xf2a00000 | (value << 5) | register) >>> 0;
}

/**
 * The flag stands for version 5 of the binary interface for the Arm architecture. Without it, Linux takes the program
 * for an older one.
 */
const EABI_5 = 0x05000000;

/** A system call has its number in r7, and arguments in r0, r1, r2. `write` is 4, `exit` is 1. */
export const armv7: Machine = {
  elf: { bits: 32, endian: 'little', machine: 40, flags: EABI_5 },
  program: ({ address, size }) =>
    words(
      'little',
      movw(0, 1), // movw r0, #1
      movw(1, low(address)), // movw r1, #low
      movt(1, high(address)), // movt r1, #high
      movw(2, size), // movw r2, #size
      movw(7, 4), // movw r7, #4
      SVC_32, // svc #0
      movw(0, 0), // movw r0, #0
      movw(7, 1), // movw r7, #1
      SVC_32, // svc #0
    ),
};

const SVC_32 = 0xef000000;

function movw(register: number, value: number): number {
  return (0xe3000000 | splitImmediate(value) | (register << 12)) >>> 0;
}

function movt(register: number, value: number): number {
  return (0xe3400000 | splitImmediate(value) | (register << 12)) >>> 0;
}

/** ARMv7 separates the upper 4 of 16 bits from the lower 12; the register's number stands between them. */
function splitImmediate(value: number): number {
  return ((value >>> 12) << 16) | (value & 0xfff);
}
