package io.tidegrad.ops.measure;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.tidegrad.schemas.Build;

/// The series that each process has, whatever it does: what it is a build of, its heap, its garbage collections and its open
/// files.
public final class ProcessMeters implements AutoCloseable {
    /// The series of which each model has one, where it is learned and where it is served.
    public static final String MODEL = "tidegrad.model.info";

    public static final String MODEL_HELP =
            "1 for each model here: the epoch that is learned or served, and the fingerprint of its spec";

    private final JvmGcMetrics gc = new JvmGcMetrics();

    public ProcessMeters(MeterRegistry registry) {
        gc.bindTo(registry);
        new JvmMemoryMetrics().bindTo(registry);
        new FileDescriptorMetrics().bindTo(registry);
        Gauge.builder("tidegrad.build.info", () -> 1).description("1: what this process is a build of, and its JVM")
                .tags("version", Build.version(), "java_version", Runtime.version().toString()).register(registry);
    }

    /// Returns the labels of a model's series. They leave out the version, of which each would be another series.
    ///
    /// @param fingerprint in hexadecimal
    public static Tags ofModel(String model, int epoch, String fingerprint) {
        return Tags.of("model", model, "epoch", Integer.toString(epoch), "fingerprint", fingerprint);
    }

    @Override
    public void close() {
        gc.close(); // it listens to the JVM, which would keep it
    }
}
