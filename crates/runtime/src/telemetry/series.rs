//! Converts the metrics of `/metrics` to OTLP: the same names, labels, sums and buckets, cumulative since the process
//! started.

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, Sum, metric, number_data_point,
};
use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model as prometheus;

/// Every family that holds data.
pub(super) fn of(families: Vec<prometheus::MetricFamily>, start_ns: u64, now_ns: u64) -> Vec<Metric> {
    families.into_iter().filter_map(|family| metric(family, start_ns, now_ns)).collect()
}

fn metric(family: prometheus::MetricFamily, start_ns: u64, now_ns: u64) -> Option<Metric> {
    let number = |attributes, value| NumberDataPoint {
        attributes,
        start_time_unix_nano: start_ns,
        time_unix_nano: now_ns,
        value: Some(number_data_point::Value::AsDouble(value)),
        ..NumberDataPoint::default()
    };
    let (mut sums, mut levels, mut histograms) = (Vec::new(), Vec::new(), Vec::new());
    for series in family.metric {
        let attributes = series.label.into_iter().map(attribute).collect();
        if let Some(counter) = series.counter {
            sums.push(number(attributes, counter.value));
        } else if let Some(gauge) = series.gauge {
            levels.push(number(attributes, gauge.value));
        } else if let Some(value) = series.histogram {
            histograms.push(histogram(attributes, &value, start_ns, now_ns));
        }
    }
    let aggregation_temporality = AggregationTemporality::Cumulative.into();
    let data = if !sums.is_empty() {
        metric::Data::Sum(Sum { data_points: sums, aggregation_temporality, is_monotonic: true })
    } else if !levels.is_empty() {
        metric::Data::Gauge(Gauge { data_points: levels })
    } else if !histograms.is_empty() {
        metric::Data::Histogram(Histogram { data_points: histograms, aggregation_temporality })
    } else {
        return None;
    };
    // Prometheus exporters add a unit's suffix only where it is missing, so both ways give the same name.
    let unit = if family.name.ends_with("_seconds") { "s" } else { "" };
    Some(Metric { name: family.name, description: family.help, unit: unit.to_owned(), data: Some(data), ..Metric::default() })
}

fn attribute(label: prometheus::LabelPair) -> KeyValue {
    let value = AnyValue { value: Some(any_value::Value::StringValue(label.value)) };
    KeyValue { key: label.name, value: Some(value), ..KeyValue::default() }
}

/// Prometheus buckets are cumulative, OTLP buckets are not, and the last OTLP bucket has no bound.
fn histogram(attributes: Vec<KeyValue>, value: &prometheus::Histogram, start_ns: u64, now_ns: u64) -> HistogramDataPoint {
    let mut below = 0;
    let bucket_counts =
        value.bucket.iter().map(|bucket| bucket.cumulative_count - std::mem::replace(&mut below, bucket.cumulative_count));
    HistogramDataPoint {
        attributes,
        start_time_unix_nano: start_ns,
        time_unix_nano: now_ns,
        count: value.sample_count,
        sum: Some(value.sample_sum),
        bucket_counts: bucket_counts.collect(),
        explicit_bounds: value.bucket.iter().map(|bucket| bucket.upper_bound).filter(|bound| bound.is_finite()).collect(),
        ..HistogramDataPoint::default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::{Metrics, Route};

    #[test]
    fn pushed_metrics_equal_scraped_metrics() {
        let metrics = Metrics::default();
        let route = Route { service: "orders", method: "GET", route: "/v1/orders/{id}".to_owned(), status: "2xx" };
        for ms in [0, 3, 3, 700, 60_000] {
            metrics.request(&route, Duration::from_millis(ms));
        }
        metrics.count("orders", "events_published", 7);
        metrics.level("orders", "outbox_unpublished", -2);
        let pushed = of(metrics.families(), 10, 20);
        let names: Vec<(&str, &str)> = pushed.iter().map(|metric| (metric.name.as_str(), metric.unit.as_str())).collect();
        assert_eq!(names, [("http_server_request_duration_seconds", "s"), ("bloom_events_total", ""), ("bloom_state", "")]);

        let Some(metric::Data::Histogram(requests)) = &pushed[0].data else { panic!("{:?}", pushed[0]) };
        assert_eq!(requests.aggregation_temporality(), AggregationTemporality::Cumulative);
        let point = &requests.data_points[0];
        assert_eq!((point.start_time_unix_nano, point.time_unix_nano, point.count), (10, 20, 5));
        assert!((point.sum.unwrap() - 60.706).abs() < 1e-9);
        assert_eq!((point.explicit_bounds.len(), point.bucket_counts.len()), (16, 17), "the last has no bound");
        assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
        assert_eq!((point.bucket_counts[0], point.bucket_counts[3], point.bucket_counts[16]), (1, 2, 1));
        let labels: Vec<(&str, &Option<AnyValue>)> =
            point.attributes.iter().map(|label| (label.key.as_str(), &label.value)).collect();
        let value = |text: &str| Some(AnyValue { value: Some(any_value::Value::StringValue(text.to_owned())) });
        assert_eq!(labels.len(), 4);
        assert!(labels.contains(&("route", &value("/v1/orders/{id}"))), "{labels:?}");

        let Some(metric::Data::Sum(sum)) = &pushed[1].data else { panic!("{:?}", pushed[1]) };
        assert!(sum.is_monotonic);
        assert_eq!(sum.data_points[0].value, Some(number_data_point::Value::AsDouble(7.0)));
        let Some(metric::Data::Gauge(gauge)) = &pushed[2].data else { panic!("{:?}", pushed[2]) };
        assert_eq!(gauge.data_points[0].value, Some(number_data_point::Value::AsDouble(-2.0)));
    }

    #[test]
    fn empty_metrics_are_not_pushed() {
        assert!(of(Metrics::default().families(), 10, 20).is_empty());
    }
}
