package io.tidegrad.model.safetensors;

import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.model.spec.ModelSpec;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.IntToDoubleFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Reads a model's initial weights from a safetensors file with names and shapes as written by `SafetensorsExport`.
/// Weights may be F32, F16 or BF16, whose values are exactly floats; F64 would have to be rounded and is refused.
/// Statistics may also be F64. The file is read once, from start to end, so the bytes that are hashed are the bytes
/// that are used.
///
/// The file may also hold the optimizer's state: for each tensor of weights what `Optimizer.stateNames` names, such as
/// `2.weight.exp_avg`, and `step`, the number of updates made, by which Adam corrects its means and a schedule goes on.
/// Statistics of numbers and the values of vocabularies may come from a second file instead (`BatchStatistics`). The table of
/// such a vocabulary may end with the row of its last value.
public final class SafetensorsImport {
    private static final int MISTAKES_MAX = 20;
    private static final String STEP = "step";
    private static final long STEPS_MAX = 1L << 53;
    /// Parts of an optimizer's state that are sums of squares.
    private static final Set<String> SQUARES = Set.of("exp_avg_sq", "max_exp_avg_sq", "square_avg", "sum", "n");

    private final Path file;
    private final Map<String, TorchTensor> expected = new LinkedHashMap<>();
    private final Map<String, State> states = new LinkedHashMap<>();
    /// How many values have a row of a table, by the table's name in the engine.
    private final Map<String, Integer> valued = new HashMap<>();
    private final List<String> mistakes = new ArrayList<>();
    /// Applied when all weights are there, because setting a tensor's weights resets its state.
    private final List<Consumer<Parameters>> later = new ArrayList<>();

    /// One part of the optimizer's state of a tensor.
    private record State(TorchTensor of, int part, String name) {
    }

    private SafetensorsImport(Path file, Plan plan) {
        this.file = file;
        for (TorchTensor tensor : TorchLayout.of(plan)) {
            expected.put(tensor.name(), tensor);
            if (tensor.kind() == TorchTensor.Kind.WEIGHTS) {
                List<String> names = plan.optimizer(plan.tensor(tensor.tensor())).stateNames();
                for (int part = 1; part <= names.size(); part++) {
                    String name = names.get(part - 1);
                    states.put(tensor.name() + "." + name, new State(tensor, part, name));
                }
            }
        }
    }

    /// Sets the weights of `parameters`, and statistics, optimizer state and the number of updates if the files have them.
    ///
    /// @throws InitialWeightsException a file is missing, malformed, has another hash, or is of another model; the
    ///     message lists every tensor that doesn't fit. `parameters` must not be used then
    public static void read(ModelSpec spec, ModelSpec.InitialWeights weights, Parameters parameters) {
        read(spec, weights, parameters.plan(), parameters);
    }

    /// Does the same with one file, whatever spec the network is from.
    ///
    /// @param sha256 of the file, 64 hex digits
    public static void read(Path file, String sha256, Parameters parameters) {
        new SafetensorsImport(file, parameters.plan()).read(sha256, parameters);
    }

    /// Makes the same checks without changing anything.
    public static void check(ModelSpec spec, ModelSpec.InitialWeights weights, Plan plan) {
        read(spec, weights, plan, null);
    }

    private static void read(ModelSpec spec, ModelSpec.InitialWeights weights, Plan plan, @Nullable Parameters to) {
        SafetensorsImport reading = new SafetensorsImport(Path.of(weights.weights().file()), plan);
        ModelSpec.HashedFile statistics = weights.statistics();
        if (statistics != null) {
            Path json = Path.of(statistics.file());
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            hashed(json, statistics.sha256(), (in, size) -> in.transferTo(bytes));
            BatchStatistics.Contents contents = BatchStatistics.read(json, bytes.toByteArray(), spec, plan);
            contents.statistics().forEach((tensor, values) -> {
                reading.expected.values().removeIf(each -> each.tensor().equals(tensor));
                reading.later.add(parameters -> parameters.setStatistics(tensor, values));
            });
            contents.vocabularies().forEach((tensor, entries) -> {
                reading.expected.values().removeIf(each -> each.tensor().equals(tensor));
                reading.states.values().removeIf(each -> each.of().tensor().equals(tensor));
                reading.valued.put(tensor.replaceFirst("vocabulary$", "weight"), entries.count());
                reading.later.add(parameters -> parameters.setWeights(tensor, entries.table()));
            });
        }
        reading.read(weights.weights().sha256(), to);
    }

    private void read(String sha256, @Nullable Parameters to) {
        hashed(file, sha256, (in, size) -> read(new SafetensorsReader(in, size), to));
        if (!mistakes.isEmpty()) {
            throw new InitialWeightsException("initial weights " + file + " don't fit the network:\n  "
                    + String.join("\n  ", mistakes.subList(0, Math.min(mistakes.size(), MISTAKES_MAX)))
                    + (mistakes.size() > MISTAKES_MAX ? "\n  and " + (mistakes.size() - MISTAKES_MAX) + " more" : ""));
        }
        if (to != null) {
            later.forEach(each -> each.accept(to));
        }
    }

    @FunctionalInterface
    private interface Body {
        void read(InputStream in, long size) throws IOException;
    }

    /// Lets `body` read a file, and hashes its bytes at the same time.
    private static void hashed(Path file, String sha256, Body body) {
        MessageDigest digest = ModelHash.sha256();
        try (InputStream in = new DigestInputStream(new BufferedInputStream(Files.newInputStream(file)), digest)) {
            SafetensorsException malformed = null;
            try {
                body.read(in, Files.size(file));
            } catch (SafetensorsException e) {
                malformed = e;
            }
            in.transferTo(OutputStream.nullOutputStream());
            // Checked first, because errors inside the wrong file don't matter.
            String found = HexFormat.of().formatHex(digest.digest());
            if (!found.equals(sha256)) {
                throw InitialWeightsException.of(file, "the file with SHA-256 " + sha256, "one with " + found);
            }
            if (malformed != null) {
                throw new InitialWeightsException("initial weights " + file + ": " + malformed.getMessage());
            }
        } catch (NoSuchFileException e) {
            throw InitialWeightsException.of(file, "a file", "none; the path is relative to the directory that the "
                    + "command was started in, " + Path.of("").toAbsolutePath());
        } catch (IOException e) {
            throw InitialWeightsException.of(file, "a readable file", e.toString());
        }
    }

    private void read(SafetensorsReader reader, @Nullable Parameters to) throws IOException {
        Map<String, TorchTensor> missing = new LinkedHashMap<>(expected);
        Map<String, State> missingStates = new LinkedHashMap<>(states);
        boolean counted = false;
        for (SafetensorsEntry entry : reader.entries()) {
            TorchTensor tensor = missing.remove(entry.name());
            State state = missingStates.remove(entry.name());
            if (isBatchCounter(entry)) {
                continue;
            }
            if (entry.name().equals(STEP)) {
                counted = true;
                if (entry.count() != 1 || !isDouble(entry)) {
                    mistakes.add(STEP + ": expected the number of updates, F64, F32, F16 or BF16 [1], found "
                            + described(entry));
                }
            } else if (tensor == null && state == null) {
                mistakes.add(entry.name() + ": expected no such tensor, found " + described(entry));
            } else if (tensor != null && !fits(tensor, entry)) {
                mistakes.add(entry.name() + ": expected " + described(tensor) + ", found " + described(entry));
            } else if (state != null && !fits(state.of(), entry)) {
                mistakes.add(entry.name() + ": expected " + described(state.of()) + ", found " + described(entry));
            }
        }
        for (TorchTensor tensor : missing.values()) {
            mistakes.add(tensor.name() + ": expected " + described(tensor) + ", found none");
        }
        // The optimizer's state is whole or not there: half of it would make steps of a size that no one asked for.
        if (counted || missingStates.size() < states.size()) {
            for (Map.Entry<String, State> state : missingStates.entrySet()) {
                mistakes.add(state.getKey() + ": expected " + described(state.getValue().of())
                        + ", because the file has a part of the optimizer's state, found none");
            }
            if (!counted) {
                mistakes.add(STEP
                        + ": expected the number of updates, because the file has the optimizer's state, found none");
            }
        }
        if (mistakes.isEmpty()) {
            for (SafetensorsEntry entry : reader.entries()) {
                State state = states.get(entry.name());
                if (isBatchCounter(entry)) {
                    reader.skip(entry);
                } else if (entry.name().equals(STEP)) {
                    readStep(reader, entry);
                } else if (state != null) {
                    readState(reader, entry, state);
                } else {
                    copy(reader, entry, Objects.requireNonNull(expected.get(entry.name())), to);
                }
            }
        }
    }

    private void readStep(SafetensorsReader reader, SafetensorsEntry entry) throws IOException {
        double step = reader.doubles(entry)[0];
        if (step >= 0 && step <= STEPS_MAX && step == Math.rint(step)) {
            later.add(parameters -> parameters.setCounts((long) step, 0));
        } else {
            mistakes.add(STEP + ": expected a whole number from 0 to 2^53, found " + step);
        }
    }

    private void readState(SafetensorsReader reader, SafetensorsEntry entry, State state) throws IOException {
        float[] values = reader.floats(entry);
        boolean square = SQUARES.contains(state.name());
        check(entry, values.length, i -> values[i], (i, value) -> !square || value >= 0,
                square ? "a finite one from 0 on" : "a finite one");
        TorchTensor of = state.of();
        later.add(parameters -> parameters.setState(of.tensor(), state.part(),
                whole(of, values, () -> parameters.state(of.tensor(), state.part()))));
    }

    /// Whether the tensor is PyTorch's count of a batch norm's batches, which only matters without a momentum.
    private boolean isBatchCounter(SafetensorsEntry entry) {
        String layer = entry.name().replaceFirst("num_batches_tracked$", "");
        return !layer.equals(entry.name()) && expected.containsKey(layer + "running_mean");
    }

    private boolean fits(TorchTensor tensor, SafetensorsEntry entry) {
        boolean type = tensor.kind().isStatistics() ? isDouble(entry) : entry.dtype().isFloat();
        return type && (entry.shape().equals(tensor.shape()) || entry.shape().equals(shortest(tensor)));
    }

    /// A table without the rows that no value has.
    private @Nullable List<Long> shortest(TorchTensor tensor) {
        Integer values = valued.get(tensor.tensor());
        return values == null ? null : List.of(1L + values, tensor.shape().getLast());
    }

    /// What the file has of a tensor; its last rows, if the file ends before them, are those that the model has.
    private static float[] whole(TorchTensor tensor, float[] values, Supplier<float[]> ours) {
        long size = tensor.shape().stream().reduce(1L, Math::multiplyExact);
        if (values.length == size) {
            return tensor.fromTorch(values);
        }
        float[] whole = ours.get();
        System.arraycopy(values, 0, whole, 0, values.length);
        return whole;
    }

    private static boolean isDouble(SafetensorsEntry entry) {
        return entry.dtype().isFloat() || entry.dtype() == Dtype.F64;
    }

    private void copy(SafetensorsReader reader, SafetensorsEntry entry, TorchTensor tensor, @Nullable Parameters to)
            throws IOException {
        switch (tensor.kind()) {
            case WEIGHTS -> {
                float[] values = reader.floats(entry);
                check(entry, values.length, i -> values[i], (i, value) -> true, "a finite one");
                if (to != null) {
                    to.setWeights(tensor.tensor(), whole(tensor, values, () -> to.weights(tensor.tensor())));
                }
            }
            case MOMENTS -> {
                double[] values = reader.doubles(entry);
                int squaresAt = 1 + (values.length - 1) / 2;
                setStatistics(entry, tensor, values, (i, value) -> value >= 0 || i > 0 && i < squaresAt,
                        "a finite one, and as count or sum of squares none below 0", to);
            }
            case MEANS, DOUBLES ->
                setStatistics(entry, tensor, reader.doubles(entry), (i, value) -> true, "a finite one", to);
            case VARIANCES -> setStatistics(entry, tensor, reader.doubles(entry), (i, value) -> value >= 0,
                    "a finite one from 0 on", to);
        }
    }

    private void setStatistics(SafetensorsEntry entry, TorchTensor tensor, double[] values, Rule rule, String wanted,
            @Nullable Parameters to) {
        check(entry, values.length, i -> values[i], rule, wanted);
        if (to != null) {
            to.setStatistics(tensor.tensor(), values);
        }
    }

    @FunctionalInterface
    private interface Rule {
        boolean holds(int index, double value);
    }

    /// Reports the first wrong number of a tensor, because mostly the others are wrong too.
    private void check(SafetensorsEntry entry, int count, IntToDoubleFunction values, Rule rule, String wanted) {
        for (int i = 0; i < count; i++) {
            double value = values.applyAsDouble(i);
            if (!Double.isFinite(value) || !rule.holds(i, value)) {
                mistakes.add(entry.name() + ", number " + i + ": expected " + wanted + ", found " + value);
                return;
            }
        }
    }

    private String described(TorchTensor tensor) {
        List<Long> shortest = shortest(tensor);
        return (tensor.kind().isStatistics() ? "F64, F32, F16 or BF16 " : "F32, F16 or BF16 ") + tensor.shape()
                + (shortest == null ? ""
                        : " or " + shortest + ", a row for what is no value and one for each value in the statistics");
    }

    private static String described(SafetensorsEntry entry) {
        return entry.dtype() + " " + entry.shape();
    }
}
