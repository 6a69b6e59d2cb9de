package io.tidegrad.scorerapp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// A connection without a client that would tidy up: bytes out, answers in. Waits at most a minute for any of them.
final class RawHttp implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int WAIT_MILLIS = 60_000;

    private final Socket socket;
    private final InputStream in;

    /// @param headers by lower-case name
    record Answer(int status, Map<String, String> headers, String body) {
        JsonNode json() {
            try {
                return JSON.readTree(body);
            } catch (IOException e) {
                throw new AssertionError(this.toString(), e);
            }
        }

        boolean endsConnection() {
            return "close".equals(headers.get("connection"));
        }
    }

    private RawHttp(int port) throws IOException {
        socket = new Socket("127.0.0.1", port);
        socket.setSoTimeout(WAIT_MILLIS);
        socket.setTcpNoDelay(true);
        in = new BufferedInputStream(socket.getInputStream());
    }

    static RawHttp connect(int port) {
        try {
            return new RawHttp(port);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static byte[] bytes(String latin1) {
        return latin1.getBytes(StandardCharsets.ISO_8859_1);
    }

    /// A request as it should be, with the body's length.
    static byte[] post(String path, String headers, byte[] body) {
        ByteArrayOutputStream request = new ByteArrayOutputStream();
        request.writeBytes(bytes(
                "POST " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "Content-Length: " + body.length + "\r\n\r\n"));
        request.writeBytes(body);
        return request.toByteArray();
    }

    /// False when the server has ended the connection.
    boolean send(byte[] bytes) {
        try {
            socket.getOutputStream().write(bytes);
            return true;
        } catch (SocketException closed) {
            return false;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Nothing more will be sent; answers can still be read.
    RawHttp endOfRequests() {
        try {
            socket.shutdownOutput();
        } catch (IOException alreadyClosed) {
            // Then the server knows.
        }
        return this;
    }

    /// The next answer, which there must be.
    Answer answer() {
        Answer answer = read();
        if (answer == null) {
            throw new AssertionError("expected an answer, the connection ended");
        }
        return answer;
    }

    /// The next answer; null when the connection ended before one.
    @Nullable
    Answer read() {
        return read(true);
    }

    /// As `read`, of an answer to HEAD: headers only.
    @Nullable
    Answer readHead() {
        return read(false);
    }

    private @Nullable Answer read(boolean hasBody) {
        try {
            String line = line();
            if (line == null) {
                return null;
            }
            int status = Integer.parseInt(line.split(" ")[1]);
            Map<String, String> headers = new TreeMap<>();
            for (String header = line(); header != null && !header.isEmpty(); header = line()) {
                int colon = header.indexOf(':');
                headers.put(header.substring(0, colon).toLowerCase(Locale.ROOT), header.substring(colon + 1).trim());
            }
            int length = Integer.parseInt(headers.getOrDefault("content-length", "0"));
            byte[] body = hasBody ? in.readNBytes(length) : new byte[0];
            if (hasBody && body.length < length) {
                throw new AssertionError("an answer of " + body.length + " of " + length + " bytes");
            }
            return new Answer(status, headers, new String(body, StandardCharsets.UTF_8));
        } catch (SocketException reset) {
            return null;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private @Nullable String line() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int next = in.read(); next != '\n'; next = in.read()) {
            if (next < 0) {
                return null;
            }
            line.write(next);
        }
        return line.toString(StandardCharsets.ISO_8859_1).stripTrailing();
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
