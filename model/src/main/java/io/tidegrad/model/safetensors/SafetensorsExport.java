package io.tidegrad.model.safetensors;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.engine.model.Parameters;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// A model's served weights as a safetensors file that PyTorch loads: names and shapes of a `state_dict`, weights as
/// F32, statistics as F64. Statistics come first, so that every number is aligned to its size.
public final class SafetensorsExport {
    private static final int PIECE_BYTES = 1 << 20;

    private SafetensorsExport() {}

    /// @param metadata written to the file in addition to `format` (`pt`), `numerics` and `tables`: the names of the
    ///     tensors of two axes that PyTorch has in the same order
    public static void write(Parameters parameters, Map<String, String> metadata, OutputStream to) throws IOException {
        List<TorchTensor> layout = TorchLayout.of(parameters.plan());
        List<TorchTensor> tensors = Stream.concat(layout.stream().filter(SafetensorsExport::isStatistics),
                layout.stream().filter(tensor -> !isStatistics(tensor))).toList();
        byte[] header = header(tensors, metadata);
        to.write(little(Long.BYTES).putLong(header.length).array());
        to.write(header);
        for (TorchTensor tensor : tensors) {
            if (isStatistics(tensor)) {
                write(parameters.statistics(tensor.tensor()), to);
            } else {
                write(tensor.toTorch(parameters.weights(tensor.tensor())), to);
            }
        }
    }

    /// Name and shape of every tensor in the file: `1.weight [8, 6]`.
    public static List<String> names(Parameters parameters) {
        return TorchLayout.of(parameters.plan()).stream().map(TorchTensor::toString).toList();
    }

    private static boolean isStatistics(TorchTensor tensor) {
        return tensor.kind().isStatistics();
    }

    private static byte[] header(List<TorchTensor> tensors, Map<String, String> metadata) throws IOException {
        ObjectMapper json = new ObjectMapper();
        ObjectNode header = json.createObjectNode();
        ObjectNode texts = header.putObject("__metadata__");
        texts.put("format", "pt"); // libraries check this before they treat names as PyTorch's
        metadata.forEach(texts::put);
        // With these a reader can lay the tensors out as the served stream has them, and compute the weights-hash.
        texts.put("numerics", "" + Numerics.VERSION);
        texts.put("tables",
                json.writeValueAsString(tensors.stream().filter(TorchTensor::isTable).map(TorchTensor::name).toList()));
        long begin = 0;
        for (TorchTensor tensor : tensors) {
            Dtype dtype = isStatistics(tensor) ? Dtype.F64 : Dtype.F32;
            long end = begin + dtype.bytes() * tensor.shape().stream().reduce(1L, Math::multiplyExact);
            ObjectNode entry = header.putObject(tensor.name());
            entry.put("dtype", dtype.name());
            tensor.shape().forEach(entry.putArray("shape")::add);
            entry.putArray("data_offsets").add(begin).add(end);
            begin = end;
        }
        byte[] text = json.writeValueAsString(header).getBytes(StandardCharsets.UTF_8);
        // Spaces pad the header, so that the first tensor is aligned to 8 bytes.
        byte[] padded = Arrays.copyOf(text, Math.ceilDiv(text.length, Long.BYTES) * Long.BYTES);
        Arrays.fill(padded, text.length, padded.length, (byte) ' ');
        return padded;
    }

    private static void write(float[] values, OutputStream to) throws IOException {
        ByteBuffer piece = little(PIECE_BYTES);
        int step = PIECE_BYTES / Float.BYTES;
        for (int from = 0; from < values.length; from += step) {
            int count = Math.min(step, values.length - from);
            piece.asFloatBuffer().put(values, from, count);
            to.write(piece.array(), 0, count * Float.BYTES);
        }
    }

    private static void write(double[] values, OutputStream to) throws IOException {
        ByteBuffer piece = little(values.length * Double.BYTES);
        piece.asDoubleBuffer().put(values);
        to.write(piece.array());
    }

    private static ByteBuffer little(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
