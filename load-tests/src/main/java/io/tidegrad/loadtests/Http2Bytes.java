package io.tidegrad.loadtests;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/// Writes HTTP/2 that no client library sends: gRPC calls that are incomplete, or whose answers nobody reads.
final class Http2Bytes {
    /// A setting: bytes of a call's answer that its client takes before it says more.
    static final int INITIAL_WINDOW_SIZE = 4;

    private static final int DATA = 0;
    private static final int HEADERS = 1;
    private static final int SETTINGS = 4;
    private static final int END_STREAM = 1;
    private static final int END_HEADERS = 4;

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    byte[] bytes() {
        return bytes.toByteArray();
    }

    /// A connection begins.
    ///
    /// @param settings identifier and value, in turn
    Http2Bytes begin(int... settings) {
        bytes.writeBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        ByteBuffer payload = ByteBuffer.allocate(settings.length / 2 * 6);
        for (int i = 0; i < settings.length; i += 2) {
            payload.putShort((short) settings[i]).putInt(settings[i + 1]);
        }
        return frame(SETTINGS, 0, 0, payload.array());
    }

    /// A call begins. In HPACK, each header a literal that is not indexed.
    Http2Bytes headers(int stream, String method) {
        ByteArrayOutputStream block = new ByteArrayOutputStream();
        for (String header : new String[]{":method POST", ":scheme http",
            ":path /inference.GRPCInferenceService/" + method, ":authority flood", "content-type application/grpc",
            "te trailers"}) {
            block.write(0);
            for (String part : header.split(" ")) {
                block.write(part.length());
                block.writeBytes(part.getBytes(StandardCharsets.US_ASCII));
            }
        }
        return frame(HEADERS, END_HEADERS, stream, block.toByteArray());
    }

    /// Adds a part of a message. If it is the whole message, the client's side of the call ends.
    ///
    /// @param length of the whole message
    Http2Bytes message(int stream, int length, byte[] part) {
        return frame(DATA, part.length == length ? END_STREAM : 0, stream,
                ByteBuffer.allocate(5 + part.length).put((byte) 0).putInt(length).put(part).array());
    }

    private Http2Bytes frame(int type, int flags, int stream, byte[] payload) {
        bytes.writeBytes(ByteBuffer.allocate(9 + payload.length).put((byte) (payload.length >> 16))
                .putShort((short) payload.length).put((byte) type).put((byte) flags).putInt(stream).put(payload)
                .array());
        return this;
    }
}
