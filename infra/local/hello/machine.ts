/** The particulars of one kind of processor. */
export interface Machine {
  readonly elf: ElfIdentity;
  /** The machine code: `write(1, message.address, message.size)`, then `exit(0)`. */
  program(message: Message): Uint8Array;
}

/** The fields of an ELF header that differ from processor to processor. */
export interface ElfIdentity {
  readonly bits: 32 | 64;
  readonly endian: Endian;
  /** `e_machine`. */
  readonly machine: number;
  /** `e_flags`: the calling convention, where a kernel wants to know it. */
  readonly flags: number;
}

export type Endian = 'little' | 'big';

/** The text to write, as the program finds it in memory. */
interface Message {
  /** An address of 32 bits, on 64-bit processors too. */
  readonly address: number;
  /** In bytes. */
  readonly size: number;
}

/** Numbers of 32 bits: instructions where all are as long as that, operands elsewhere. */
export function words(endian: Endian, ...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value, endian === 'little');
  return bytes;
}

/** Instructions of any length, one after the other. */
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
