/**
 * Writes ELF programs of one piece: headers, message and code are mapped into memory together.
 * https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html
 */
import type { ElfIdentity, Endian, Machine } from './machine.ts';

/** The address at which the program is loaded: above the range that Linux keeps free, and below 32 bits. */
const BASE = 0x400000;
/** The largest page of all these processors. A smaller page divides it. */
const PAGE_BYTES = 0x10000;

const ET_EXEC = 2;
const EV_CURRENT = 1;
const PT_LOAD = 1;
const PT_GNU_STACK = 0x6474e551;
const EXECUTE = 1;
const WRITE = 2;
const READ = 4;

/** The sizes of the file's header and of a segment's header. */
const HEADER_BYTES = { 32: 52, 64: 64 } as const;
const SEGMENT_BYTES = { 32: 32, 64: 56 } as const;
const SEGMENTS = 2;

/** Makes a static program for Linux that writes the text to its standard output and ends with 0. */
export function helloProgram(machine: Machine, text: string): Uint8Array<ArrayBuffer> {
  const { bits, endian } = machine.elf;
  const message = new TextEncoder().encode(text);
  const messageAt = HEADER_BYTES[bits] + SEGMENTS * SEGMENT_BYTES[bits];
  // Instructions must start at a multiple of 4 on machines where every instruction has 4 bytes.
  const codeAt = Math.ceil((messageAt + message.length) / 4) * 4;
  const code = machine.program({ address: BASE + messageAt, size: message.length });

  const file = new Uint8Array(codeAt + code.length);
  file.set(elfHeader(machine.elf, BASE + codeAt));
  file.set(loadSegment(bits, endian, file.length), HEADER_BYTES[bits]);
  file.set(stackSegment(bits, endian), HEADER_BYTES[bits] + SEGMENT_BYTES[bits]);
  file.set(message, messageAt);
  file.set(code, codeAt);
  return file;
}

function elfHeader({ bits, endian, machine, flags }: ElfIdentity, entry: number): Uint8Array {
  const header = new Fields(bits, endian);
  header.bytes(0x7f, 0x45, 0x4c, 0x46); // e_ident: \x7fELF
  header.bytes(bits / 32, endian === 'little' ? 1 : 2, EV_CURRENT); // its class, byte order, version
  header.bytes(0, 0, 0, 0, 0, 0, 0, 0, 0); // System V, and padding to 16 bytes
  header.half(ET_EXEC); // e_type
  header.half(machine); // e_machine
  header.word(EV_CURRENT); // e_version
  header.address(entry); // e_entry
  header.address(HEADER_BYTES[bits]); // e_phoff
  header.address(0); // e_shoff: no sections
  header.word(flags); // e_flags
  header.half(HEADER_BYTES[bits]); // e_ehsize
  header.half(SEGMENT_BYTES[bits]); // e_phentsize
  header.half(SEGMENTS); // e_phnum
  header.half(0); // e_shentsize
  header.half(0); // e_shnum
  header.half(0); // e_shstrndx
  return header.written();
}

interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly address: number;
  readonly size: number;
  readonly align: number;
}

/** The segment maps the whole file, for reading and executing. */
function loadSegment(bits: 32 | 64, endian: Endian, size: number): Uint8Array {
  const flags = READ | EXECUTE;
  return segmentHeader(bits, endian, { type: PT_LOAD, flags, address: BASE, size, align: PAGE_BYTES });
}

/** Without this segment, some kernels give the program an executable stack, and some policies then refuse to run it. */
function stackSegment(bits: 32 | 64, endian: Endian): Uint8Array {
  const flags = READ | WRITE;
  return segmentHeader(bits, endian, { type: PT_GNU_STACK, flags, address: 0, size: 0, align: 16 });
}

function segmentHeader(bits: 32 | 64, endian: Endian, segment: Segment): Uint8Array {
  const header = new Fields(bits, endian);
  header.word(segment.type); // p_type
  if (bits === 64) header.word(segment.flags); // p_flags, where it needs no padding after it
  header.address(0); // p_offset
  header.address(segment.address); // p_vaddr
  header.address(segment.address); // p_paddr
  header.address(segment.size); // p_filesz
  header.address(segment.size); // p_memsz
  if (bits === 32) header.word(segment.flags); // p_flags
  header.address(segment.align); // p_align
  return header.written();
}

/** Writes fields one after the other, each as wide as its kind is in files of this class. */
class Fields {
  readonly #bits: 32 | 64;
  readonly #littleEndian: boolean;
  readonly #view = new DataView(new ArrayBuffer(64));
  #size = 0;

  constructor(bits: 32 | 64, endian: Endian) {
    this.#bits = bits;
    this.#littleEndian = endian === 'little';
  }

  bytes(...values: readonly number[]): void {
    for (const value of values) this.#view.setUint8(this.#size++, value);
  }

  half(value: number): void {
    this.#view.setUint16(this.#size, value, this.#littleEndian);
    this.#size += 2;
  }

  word(value: number): void {
    this.#view.setUint32(this.#size, value, this.#littleEndian);
    this.#size += 4;
  }

  address(value: number): void {
    if (this.#bits === 32) {
      this.word(value);
    } else {
      this.#view.setBigUint64(this.#size, BigInt(value), this.#littleEndian);
      this.#size += 8;
    }
  }

  written(): Uint8Array {
    return new Uint8Array(this.#view.buffer, 0, this.#size);
  }
}
