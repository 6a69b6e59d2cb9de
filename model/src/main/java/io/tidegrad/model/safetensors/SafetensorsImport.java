package io.tidegrad.model.safetensors;

import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.snapshot.ModelHash;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntToDoubleFunction;
import org.jspecify.annotations.Nullable;

/// Reads a model's initial weights from a safetensors file with names and shapes as written by `SafetensorsExport`.
/// Weights may be F32, F16 or BF16, whose values are exactly floats; F64 would have to be rounded and is refused.
/// Statistics may also be F64. The file is read once, from start to end, so the bytes that are hashed are the bytes
/// that are used.
public final class SafetensorsImport {
    private static final int MISTAKES_MAX = 20;

    private final Path file;
    private final Map<String, TorchTensor> expected = new LinkedHashMap<>();
    private final List<String> mistakes = new ArrayList<>();

    private SafetensorsImport(Path file, Plan plan) {
        this.file = file;
        TorchLayout.of(plan).forEach(tensor -> expected.put(tensor.name(), tensor));
    }

    /// @param sha256 of the file, 64 hex digits
    /// @throws InitialWeightsException the file is missing, malformed, has another hash, or is of another model; the
    ///     message lists every tensor that doesn't fit. `parameters` must not be used then
    public static void read(Path file, String sha256, Parameters parameters) {
        new SafetensorsImport(file, parameters.plan()).read(sha256, parameters);
    }

    /// Makes the same checks without changing anything.
    public static void check(Path file, String sha256, Plan plan) {
        new SafetensorsImport(file, plan).read(sha256, null);
    }

    private void read(String sha256, @Nullable Parameters to) {
        MessageDigest digest = ModelHash.sha256();
        try (InputStream in = new DigestInputStream(new BufferedInputStream(Files.newInputStream(file)), digest)) {
            SafetensorsException malformed = null;
            try {
                read(new SafetensorsReader(in, Files.size(file)), to);
            } catch (SafetensorsException e) {
                malformed = e;
            }
            in.transferTo(OutputStream.nullOutputStream());
            // Checked first, because errors inside the wrong file don't matter.
            String found = HexFormat.of().formatHex(digest.digest());
            if (!found.equals(sha256)) {
                throw fail("the file with SHA-256 " + sha256, "one with " + found);
            }
            if (malformed != null) {
                throw new InitialWeightsException("initial weights " + file + ": " + malformed.getMessage());
            }
        } catch (NoSuchFileException e) {
            throw fail("a file", "none; the path is relative to the directory that the command was started in, "
                    + Path.of("").toAbsolutePath());
        } catch (IOException e) {
            throw fail("a readable file", e.toString());
        }
        if (!mistakes.isEmpty()) {
            throw new InitialWeightsException("initial weights " + file + " don't fit the network:\n  "
                    + String.join("\n  ", mistakes.subList(0, Math.min(mistakes.size(), MISTAKES_MAX)))
                    + (mistakes.size() > MISTAKES_MAX ? "\n  and " + (mistakes.size() - MISTAKES_MAX) + " more" : ""));
        }
    }

    private void read(SafetensorsReader reader, @Nullable Parameters to) throws IOException {
        Map<String, TorchTensor> missing = new LinkedHashMap<>(expected);
        for (SafetensorsEntry entry : reader.entries()) {
            TorchTensor tensor = missing.remove(entry.name());
            if (isBatchCounter(entry)) {
                continue;
            }
            if (tensor == null) {
                mistakes.add(entry.name() + ": expected no such tensor, found " + described(entry));
            } else if (!fits(tensor, entry)) {
                mistakes.add(entry.name() + ": expected " + described(tensor) + ", found " + described(entry));
            }
        }
        for (TorchTensor tensor : missing.values()) {
            mistakes.add(tensor.name() + ": expected " + described(tensor) + ", found none");
        }
        if (mistakes.isEmpty()) {
            for (SafetensorsEntry entry : reader.entries()) {
                if (isBatchCounter(entry)) {
                    reader.skip(entry);
                } else {
                    copy(reader, entry, Objects.requireNonNull(expected.get(entry.name())), to);
                }
            }
        }
    }

    /// Whether the tensor is PyTorch's count of a batch norm's batches, which only matters without a momentum.
    private boolean isBatchCounter(SafetensorsEntry entry) {
        String layer = entry.name().replaceFirst("num_batches_tracked$", "");
        return !layer.equals(entry.name()) && expected.containsKey(layer + "running_mean");
    }

    private static boolean fits(TorchTensor tensor, SafetensorsEntry entry) {
        boolean type = entry.dtype().isFloat() || tensor.kind().isStatistics() && entry.dtype() == Dtype.F64;
        return type && entry.shape().equals(tensor.shape());
    }

    private void copy(SafetensorsReader reader, SafetensorsEntry entry, TorchTensor tensor, @Nullable Parameters to)
            throws IOException {
        switch (tensor.kind()) {
            case WEIGHTS -> {
                float[] values = reader.floats(entry);
                check(entry, values.length, i -> values[i], (i, value) -> true, "a finite one");
                if (to != null) {
                    to.setWeights(tensor.tensor(), tensor.fromTorch(values));
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

    private static String described(TorchTensor tensor) {
        return (tensor.kind().isStatistics() ? "F64, F32, F16 or BF16 " : "F32, F16 or BF16 ") + tensor.shape();
    }

    private static String described(SafetensorsEntry entry) {
        return entry.dtype() + " " + entry.shape();
    }

    private InitialWeightsException fail(String wanted, String found) {
        return new InitialWeightsException("initial weights " + file + ": expected " + wanted + ", found " + found);
    }
}
