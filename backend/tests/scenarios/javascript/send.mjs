// Sends one trace as protobuf, one as JSON, one log record and one counter to OTEL_EXPORTER_OTLP_ENDPOINT,
// and one of each over gRPC to OTLP_GRPC_ENDPOINT.
import { SpanStatusCode } from "@opentelemetry/api";
import { OTLPLogExporter as GrpcLogExporter } from "@opentelemetry/exporter-logs-otlp-grpc";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPMetricExporter as GrpcMetricExporter } from "@opentelemetry/exporter-metrics-otlp-grpc";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPTraceExporter as GrpcTraceExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as JsonTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtoTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

const resource = resourceFromAttributes({ "service.name": "javascript-client" });

const grpc = { url: process.env.OTLP_GRPC_ENDPOINT };

const exporters = {
  protobuf: new ProtoTraceExporter(),
  json: new JsonTraceExporter(),
  grpc: new GrpcTraceExporter(grpc),
};
for (const [encoding, exporter] of Object.entries(exporters)) {
  const provider = new NodeTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter)] });
  const span = provider.getTracer("send").startSpan(`sent as ${encoding}`, {
    attributes: { encoding, answer: 42, ratio: 0.5, sent: true, tags: ["a", "b"] },
  });
  span.recordException(new Error("an example"));
  span.setStatus({ code: SpanStatusCode.ERROR, message: "an example" });
  span.end();
  await provider.forceFlush();
  await provider.shutdown();
}

for (const [protocol, exporter] of Object.entries({ http: new OTLPLogExporter(), grpc: new GrpcLogExporter(grpc) })) {
  const logs = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter })] });
  logs.getLogger("send").emit({ severityNumber: 17, severityText: "ERROR", body: `sent over ${protocol}` });
  await logs.forceFlush();
  await logs.shutdown();
}

const metricExporters = { http: new OTLPMetricExporter(), grpc: new GrpcMetricExporter(grpc) };
for (const [protocol, exporter] of Object.entries(metricExporters)) {
  const meters = new MeterProvider({ resource, readers: [new PeriodicExportingMetricReader({ exporter })] });
  meters.getMeter("send").createCounter(`javascript.sent.${protocol}`).add(7, { colour: "blue" });
  await meters.forceFlush();
  await meters.shutdown();
}
