/** Checks the files of root certificates that a configuration names (`upstreams.HOST.ca`, `notify[0].ca`) before a run begins. */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Configuration } from '../configuration/configuration.ts';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import { errorCode } from '../runtime/node/error-code.ts';

/** @throws {ConfigurationError} for a file that cannot be read, or that holds no certificate */
export async function refuseUnreadableRoots(
  file: string,
  { upstreams, notify }: Pick<Configuration, 'upstreams' | 'notify'>,
): Promise<void> {
  const named = [
    ...[...upstreams].map(([upstream, { ca, line }]) => ({ ca, line, key: `upstreams["${upstream}"].ca` })),
    ...notify.map(({ ca, line, key }) => ({ ca, line, key: `${key}.ca` })),
  ];
  for (const { ca, line, key } of named) {
    if (ca === undefined) continue;
    const refuse = (why: string): ConfigurationError => {
      const message = `${ca} ${why}. It has to be a PEM file of root certificates.`;
      return new ConfigurationError(file, [{ line, key, message }]);
    };
    const text = await readFile(ca, 'utf8').catch((error: unknown) => {
      throw refuse(`cannot be read (${errorCode(error)})`);
    });
    if (!holdsCertificates(text)) throw refuse('holds no certificate, or one that cannot be read');
  }
}

/** Node's TLS silently ignores a certificate that it cannot read. */
function holdsCertificates(text: string): boolean {
  const plain = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  try {
    for (const one of plain) void new X509Certificate(one);
  } catch {
    return false;
  }
  return plain.length > 0 || /-----BEGIN (?:TRUSTED|X509) CERTIFICATE-----/.test(text);
}
