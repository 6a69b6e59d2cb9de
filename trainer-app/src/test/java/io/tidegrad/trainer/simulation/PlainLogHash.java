package io.tidegrad.trainer.simulation;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;

/// The hash of a log as docs/numerics.md says it, computed anew for each record.
public final class PlainLogHash {
    public static final String NOTHING = "0".repeat(64);

    private PlainLogHash() {}

    /// Returns the hash after one more record.
    public static String after(String before, ConsumerRecord<byte[], byte[]> record) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.writeBytes(HexFormat.of().parseHex(before));
        put(bytes, record.key());
        put(bytes, record.value());
        for (Header header : record.headers()) {
            if (header.key().startsWith("tidegrad-")) {
                put(bytes, header.key().getBytes(StandardCharsets.UTF_8));
                put(bytes, header.value());
            }
        }
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.toByteArray()));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void put(ByteArrayOutputStream to, byte @Nullable [] bytes) {
        to.writeBytes(ByteBuffer.allocate(4).putInt(bytes == null ? -1 : bytes.length).array());
        if (bytes != null) {
            to.writeBytes(bytes);
        }
    }
}
