package io.tidegrad.cli.bench;

import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.schemas.settings.NearestName;
import java.util.ArrayList;
import java.util.List;

/// What is learned in a measurement: pure description, so that another workload is another line of `ALL`.
///
/// @param name as on the command line
/// @param batches the sizes that are measured where none is asked for
public record Workload(String name, String description, NetworkSpec spec, List<Integer> batches) {
    private static final long SEED = 42;

    public static final List<Workload> ALL =
            List.of(
                    new Workload(
                            "W1",
                            "784-10(relu)-10, softmax cross-entropy, Adam",
                            classifier(784, 10, 10),
                            List.of(1, 32, 256)),
                    new Workload(
                            "W2",
                            "784-512(relu)-256(relu)-10, softmax cross-entropy, Adam",
                            classifier(784, 512, 256, 10),
                            List.of(1, 32, 128)));

    /// @throws IllegalArgumentException there is none of this name; names the nearest
    public static Workload named(String name) {
        for (Workload workload : ALL) {
            if (workload.name.equalsIgnoreCase(name)) {
                return workload;
            }
        }
        throw new IllegalArgumentException(
                "--workload: expected one that there is, found '"
                        + name
                        + "'"
                        + NearestName.hint(name, ALL.stream().map(Workload::name).toList()));
    }

    private static NetworkSpec classifier(int inputs, int... widths) {
        List<Layer> layers = new ArrayList<>(List.of(new Numbers(0, inputs)));
        for (int i = 0; i < widths.length; i++) {
            layers.add(new Dense(widths[i]));
            layers.add(i < widths.length - 1 ? new Relu() : new Softmax());
        }
        return new NetworkSpec(
                new RowShape(inputs, 0, 1),
                new Sequence(layers),
                new CategoricalCrossEntropy(false),
                Adam.of(0.001),
                SEED);
    }
}
