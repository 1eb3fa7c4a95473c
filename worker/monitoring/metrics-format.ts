/** Chooses the format of metrics: OpenMetrics for a client that asks for it, else Prometheus' text. RFC 9110, section 12.5.1 */

export interface MetricsFormat {
  readonly contentType: string;
  /** The end of the text. */
  readonly end: string;
}

const PROMETHEUS: MetricsFormat = { contentType: 'text/plain; version=0.0.4; charset=utf-8', end: '' };
const OPEN_METRICS: MetricsFormat = {
  contentType: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  end: '# EOF\n',
};

/** @param accept the header; undefined if there is none */
export function metricsFormat(accept: string | undefined): MetricsFormat {
  let openMetrics = 0;
  let plain = 0;
  for (const range of (accept ?? '').toLowerCase().split(',')) {
    const [type, ...parameters] = range.split(';').map((part) => part.trim());
    const quality = Number(valueOf(parameters, 'q') ?? 1);
    const version = valueOf(parameters, 'version') ?? '1.0.0';
    if (type === 'application/openmetrics-text' && version === '1.0.0') {
      openMetrics = Math.max(openMetrics, quality);
    }
    if (type === 'text/plain') plain = Math.max(plain, quality);
  }
  return openMetrics > 0 && openMetrics >= plain ? OPEN_METRICS : PROMETHEUS;
}

function valueOf(parameters: readonly string[], name: string): string | undefined {
  return parameters.find((parameter) => parameter.startsWith(`${name}=`))?.slice(name.length + 1);
}
