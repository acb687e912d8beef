/** Prometheus' text format, version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). */
import type { Histogram } from '../../counters/histogram.ts'

export type Labels = Readonly<Record<string, string>>

export interface Metric {
  /** Without the prefix `flypaperd_`. */
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly samples: readonly (readonly [labels: Labels, value: number | Histogram])[]
}

export function metricsText(metrics: readonly Metric[]): string {
  return metrics.map(textOf).join('')
}

function textOf({ name: short, help, type, samples }: Metric): string {
  const name = `flypaperd_${short}`
  const lines = samples.flatMap(([labels, value]) =>
    typeof value === 'number' ? [line(name, labels, value)] : histogramLines(name, labels, value),
  )
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n')
}

function histogramLines(name: string, labels: Labels, { buckets, count, sum }: Histogram): string[] {
  return [
    ...buckets.map(({ atMost, count }) => line(`${name}_bucket`, { ...labels, le: String(atMost) }, count)),
    line(`${name}_bucket`, { ...labels, le: '+Inf' }, count),
    line(`${name}_sum`, labels, sum),
    line(`${name}_count`, labels, count),
  ]
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${quoted(text)}"`)
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`
}

function quoted(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
