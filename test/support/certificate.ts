/** Makes certificates, so that the repository contains no key, and no certificate that expires. */
import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

export interface Certificate {
  readonly commonName: string;
  readonly privateKey: KeyObject;
  /** The private key in the PEM form of PKCS #8. */
  readonly keyPem: string;
  readonly der: Buffer;
  readonly pem: string;
}

const DAY = 86_400_000;
// These are object identifiers in DER. https://www.rfc-editor.org/rfc/rfc5280
const ECDSA_WITH_SHA256 = Buffer.from('06082a8648ce3d040302', 'hex');
const COMMON_NAME = Buffer.from('0603550403', 'hex');
const SUBJECT_ALT_NAME = Buffer.from('0603551d11', 'hex');
const BASIC_CONSTRAINTS = Buffer.from('0603551d13', 'hex');
const TRUE = Buffer.from('0101ff', 'hex');
const VERSION_3 = Buffer.from('a003020102', 'hex');

/** Makes a certificate for these host names, valid from yesterday until tomorrow. The certificate is its own root. */
export function makeCertificate(...names: readonly string[]): Certificate {
  return make('a test', names);
}

/** Makes a certificate that another one vouches for, and that vouches for none. Some clients refuse a root as a server's. */
export function issueCertificate(issuer: Certificate, ...names: readonly string[]): Certificate {
  return make('a server of a test', names, issuer);
}

function make(commonName: string, names: readonly string[], issuer?: Certificate): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(ECDSA_WITH_SHA256);
  const alternatives = sequence(...names.map((each) => tlv(0x82, Buffer.from(each))));
  const isRoot = issuer === undefined ? TRUE : Buffer.alloc(0);
  const extensions = sequence(
    sequence(SUBJECT_ALT_NAME, tlv(0x04, alternatives)),
    sequence(BASIC_CONSTRAINTS, TRUE, tlv(0x04, sequence(isRoot))),
  );
  const body = sequence(
    VERSION_3,
    tlv(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    nameOf(issuer?.commonName ?? commonName),
    sequence(time(Date.now() - DAY), time(Date.now() + DAY)),
    nameOf(commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, extensions),
  );
  const signature = sign('sha256', body, issuer?.privateKey ?? privateKey);
  const der = sequence(body, algorithm, tlv(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = (der.toString('base64').match(/.{1,64}/g) ?? []).join('\n');
  return {
    commonName,
    privateKey,
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    der,
    pem: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
}

function nameOf(commonName: string): Buffer {
  return sequence(tlv(0x31, sequence(COMMON_NAME, tlv(0x0c, Buffer.from(commonName)))));
}

function time(milliseconds: number): Buffer {
  const text = new Date(milliseconds).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return tlv(0x18, Buffer.from(text));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts));
}

function tlv(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
