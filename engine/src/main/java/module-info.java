import org.jspecify.annotations.NullMarked;

/// The mathematics of Tidegrad: a model, one mini-batch, the next model. Knows neither Kafka nor files nor clocks.
@NullMarked
module io.tidegrad.engine {
    // Static: without `--add-modules jdk.incubator.vector` the engine still runs, with the scalar kernels.
    requires static jdk.incubator.vector;
    requires static transitive org.jspecify;

    exports io.tidegrad.engine.kernel;
    exports io.tidegrad.engine.layer;
    exports io.tidegrad.engine.loss;
    exports io.tidegrad.engine.optim;
    exports io.tidegrad.engine.model;
    exports io.tidegrad.engine.random;
    exports io.tidegrad.engine.snapshot;
}
