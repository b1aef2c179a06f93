/**
 * @module metrics: numbers for alarms, as lines of the log that CloudWatch takes for metrics. Each costs $0.30 a month, so there are few.
 *
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export const metricsNamespace = 'Drover'
export type MetricName = 'OverdueVolumes'

export const metricLine = (stack: string, name: MetricName, value: number, now: Date): string =>
  JSON.stringify({
    _aws: {
      Timestamp: now.getTime(),
      CloudWatchMetrics: [
        { Namespace: metricsNamespace, Dimensions: [['Stack']], Metrics: [{ Name: name, Unit: 'Count' }] },
      ],
    },
    Stack: stack,
    [name]: value,
  })
