/** One kind of processor, with all that the program needs to know about it. */
export interface Machine {
  readonly elf: ElfIdentity;
  /** Returns the machine code of `write(1, message.address, message.size)`, then `exit(0)`. */
  program(message: Message): Uint8Array;
}

/** The fields of an ELF header that differ from processor to processor. */
export interface ElfIdentity {
  readonly bits: 32 | 64;
  readonly endian: Endian;
  /** The field `e_machine`. */
  readonly machine: number;
  /** The field `e_flags`, which has the calling convention on machines whose kernel wants to know it. */
  readonly flags: number;
}

export type Endian = 'little' | 'big';

/** The text to write, as the program finds it in memory. */
interface Message {
  /** An address of 32 bits, also on 64-bit processors. */
  readonly address: number;
  /** The size in bytes. */
  readonly size: number;
}

/** Encodes numbers of 32 bits. On most machines these are instructions, on the others operands. */
export function words(endian: Endian, ...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value, endian === 'little');
  return bytes;
}

/** Joins instructions of any length. */
export function instructions(...each: ReadonlyArray<readonly number[]>): Uint8Array {
  return Uint8Array.from(each.flat());
}

/** The upper 16 bits of an address. */
export function high(address: number): number {
  return address >>> 16;
}

/** The lower 16 bits of an address. */
export function low(address: number): number {
  return address & 0xffff;
}
