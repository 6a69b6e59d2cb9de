package io.tidegrad.model.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/// Reads a safetensors file sequentially, so that it can be hashed at the same time:
///
/// ```
/// file   = header length   8 bytes, little-endian
///        | header          JSON, begins with {, may end in spaces
///        | tensors         without holes
/// header = { "__metadata__": { text: text … },     may be missing
///            name: { "dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end] } … }
/// ```
///
/// It is as strict as the format's reference implementation: it refuses tensors that overlap or leave a gap, lengths
/// that don't fit type and shape, duplicate keys, and bytes after the last tensor. Allocations are bounded by the
/// file's size, whatever its header says.
public final class SafetensorsReader {
    /// The bound of the reference implementation.
    private static final int HEADER_BYTES_MAX = 100_000_000;

    private static final String METADATA = "__metadata__";
    private static final Set<String> KEYS = Set.of("dtype", "shape", "data_offsets");
    private static final JsonMapper JSON =
            JsonMapper.builder(JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build())
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

    private final InputStream in;
    private final List<SafetensorsEntry> entries;
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private final byte[] piece = new byte[64 * 1024];
    private int next;

    /// Reads the header.
    ///
    /// @param in positioned at the file's first byte
    /// @param size the file's size in bytes
    /// @throws SafetensorsException the file is invalid; the message says why
    public SafetensorsReader(InputStream in, long size) throws IOException {
        this.in = in;
        if (size < Long.BYTES) {
            throw fail("8 bytes with the header's length", size + " bytes in all");
        }
        long length = little(in.readNBytes(Long.BYTES)).getLong();
        if (length < 0 || length > HEADER_BYTES_MAX || length > size - Long.BYTES) {
            throw fail("a header of at most " + Math.min(HEADER_BYTES_MAX, size - Long.BYTES) + " bytes",
                    Long.toUnsignedString(length));
        }
        byte[] header = in.readNBytes((int) length);
        entries = entries(parse(header), size - Long.BYTES - length);
    }

    /// The tensors in the order of their bytes.
    public List<SafetensorsEntry> entries() {
        return entries;
    }

    public Map<String, String> metadata() {
        return metadata;
    }

    /// Reads the next tensor, whose type must be `Dtype.isFloat`.
    public float[] floats(SafetensorsEntry entry) throws IOException {
        float[] values = new float[Math.toIntExact(entry.count())];
        read(entry, (index, value) -> values[index] = (float) value);
        return values;
    }

    /// Reads the next tensor, which must have a floating-point type.
    public double[] doubles(SafetensorsEntry entry) throws IOException {
        double[] values = new double[Math.toIntExact(entry.count())];
        read(entry, (index, value) -> values[index] = value);
        return values;
    }

    /// Skips the next tensor.
    public void skip(SafetensorsEntry entry) throws IOException {
        take(entry);
        // The bytes are read, not skipped, because a stream that hashes what is read does not hash skipped bytes.
        long rest = entry.end() - entry.begin();
        while (rest > 0) {
            rest -= piece(entry, rest).remaining();
        }
    }

    @FunctionalInterface
    private interface Values {
        void put(int index, double value);
    }

    private void read(SafetensorsEntry entry, Values values) throws IOException {
        take(entry);
        long rest = entry.end() - entry.begin();
        int index = 0;
        while (rest > 0) {
            ByteBuffer bytes = piece(entry, rest);
            rest -= bytes.remaining();
            while (bytes.hasRemaining()) {
                values.put(index++, entry.dtype().next(bytes));
            }
        }
    }

    /// Reads the next bytes of a tensor: a whole number of values of any type.
    private ByteBuffer piece(SafetensorsEntry entry, long rest) throws IOException {
        int length = (int) Math.min(piece.length, rest);
        if (in.readNBytes(piece, 0, length) < length) {
            throw new EOFException(entry.name() + ": the file became shorter while it was read");
        }
        return little(piece).limit(length);
    }

    private void take(SafetensorsEntry entry) {
        if (next == entries.size() || entries.get(next) != entry) {
            throw new IllegalStateException(entry.name() + " is not the next tensor");
        }
        next++;
    }

    private static ByteBuffer little(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static JsonNode parse(byte[] header) throws IOException {
        if (header.length == 0 || header[0] != '{') {
            throw fail("a header that begins with {", header.length == 0 ? "none" : "another byte");
        }
        try {
            return JSON.readTree(header);
        } catch (JsonProcessingException e) {
            throw fail("a header in JSON", e.getOriginalMessage());
        }
    }

    private List<SafetensorsEntry> entries(JsonNode header, long bytes) {
        List<SafetensorsEntry> found = new ArrayList<>();
        for (Map.Entry<String, JsonNode> field : header.properties()) {
            if (field.getKey().equals(METADATA)) {
                readMetadata(field.getValue());
            } else {
                found.add(entry(field.getKey(), field.getValue()));
            }
        }
        found.sort(Comparator.comparingLong(SafetensorsEntry::begin).thenComparingLong(SafetensorsEntry::end));
        long end = 0;
        for (SafetensorsEntry entry : found) {
            if (entry.begin() != end) {
                throw fail("tensor " + entry.name() + " from byte " + end + ", where the one before it ends",
                        "byte " + entry.begin());
            }
            end = entry.end();
        }
        if (end != bytes) {
            throw fail("tensors of " + bytes + " bytes, as many as lie behind the header", end + " bytes");
        }
        return List.copyOf(found);
    }

    private void readMetadata(JsonNode node) {
        if (!node.isObject()) {
            throw fail(METADATA + ": texts by name", shown(node));
        }
        for (Map.Entry<String, JsonNode> field : node.properties()) {
            if (!field.getValue().isTextual()) {
                throw fail(METADATA + ", " + field.getKey() + ": a text", shown(field.getValue()));
            }
            metadata.put(field.getKey(), field.getValue().textValue());
        }
    }

    private static SafetensorsEntry entry(String name, JsonNode node) {
        Set<String> keys = new TreeSet<>();
        node.fieldNames().forEachRemaining(keys::add);
        if (!keys.equals(KEYS)) {
            throw fail("tensor " + name + ": dtype, shape and data_offsets",
                    node.isObject() ? "the keys " + keys : shown(node));
        }
        Dtype dtype = dtype(name, node.get("dtype"));
        List<Long> shape = numbers("tensor " + name + ", shape", node.get("shape"));
        List<Long> offsets = numbers("tensor " + name + ", data_offsets", node.get("data_offsets"));
        if (offsets.size() != 2) {
            throw fail("tensor " + name + ", data_offsets: its begin and its end", shown(node.get("data_offsets")));
        }
        long length = offsets.get(1) - offsets.get(0);
        if (length != bytes(name, dtype, shape)) {
            throw fail("tensor " + name + ": " + bytes(name, dtype, shape) + " bytes for " + dtype + " " + shape,
                    length + " bytes between its data_offsets");
        }
        return new SafetensorsEntry(name, dtype, shape, offsets.get(0), offsets.get(1));
    }

    private static long bytes(String name, Dtype dtype, List<Long> shape) {
        try {
            long bytes = dtype.bytes();
            for (long axis : shape) {
                bytes = Math.multiplyExact(bytes, axis);
            }
            return bytes;
        } catch (ArithmeticException e) {
            throw fail("tensor " + name + ": a shape of at most 2^63 bytes", "" + shape);
        }
    }

    private static Dtype dtype(String name, JsonNode node) {
        for (Dtype dtype : Dtype.values()) {
            if (node.isTextual() && dtype.name().equals(node.textValue())) {
                return dtype;
            }
        }
        throw fail("tensor " + name + ", dtype: one of " + List.of(Dtype.values()), shown(node));
    }

    private static List<Long> numbers(String what, JsonNode node) {
        List<Long> numbers = new ArrayList<>();
        boolean sound = node.isArray();
        for (JsonNode number : node) {
            sound &= number.isIntegralNumber() && number.canConvertToLong();
            sound &= number.longValue() >= 0;
            numbers.add(number.longValue());
        }
        if (!sound) {
            throw fail(what + ": a list of whole numbers from 0", shown(node));
        }
        return numbers;
    }

    private static String shown(JsonNode node) {
        String text = node.toString();
        return text.length() <= 80 ? text : text.substring(0, 80) + "…";
    }

    private static SafetensorsException fail(String expected, String found) {
        return new SafetensorsException("not a safetensors file: expected " + expected + "; found " + found);
    }
}
