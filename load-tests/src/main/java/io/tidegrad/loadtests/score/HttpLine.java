package io.tidegrad.loadtests.score;

import io.tidegrad.loadtests.LoadTestException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;

/// One connection of HTTP/1.1 that stays open: a request that lies ready is written, its answer read, nothing else. A
/// write and, mostly, one read of the operating system a request. One thread; another may close it.
final class HttpLine implements AutoCloseable {
    private static final byte[] END_OF_HEADERS = ascii("\r\n\r\n");
    private static final byte[] LENGTH = ascii("content-length: ");

    private final SocketChannel channel;
    private final ByteBuffer out;
    private final ByteBuffer in;
    private final byte[] answer;
    private int bodyFrom;
    private int bodyTo;

    private HttpLine(SocketChannel channel, int bytesMax) {
        this.channel = channel;
        out = ByteBuffer.allocateDirect(bytesMax);
        in = ByteBuffer.allocateDirect(bytesMax);
        answer = new byte[bytesMax];
    }

    /// @param bytesMax of a request, and of an answer
    static HttpLine connect(int port, int bytesMax) {
        try {
            SocketChannel channel = SocketChannel.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            return new HttpLine(channel, bytesMax);
        } catch (IOException e) {
            throw new LoadTestException("can't connect to port " + port + ": " + e.getMessage(), e);
        }
    }

    /// The bytes of a request.
    static byte[] post(String path, String json) {
        byte[] body = json.getBytes(StandardCharsets.UTF_8);
        byte[] head = ascii(
                "POST " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: "
                        + body.length + "\r\n\r\n");
        ByteBuffer request = ByteBuffer.allocate(head.length + body.length);
        return request.put(head).put(body).array();
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /// Returns the status; the body is in `bytes`, from `bodyFrom` to `bodyTo`.
    ///
    /// @throws LoadTestException the connection ended, or what came is no whole answer
    int ask(byte[] request) {
        try {
            out.clear().put(request).flip();
            while (out.hasRemaining()) {
                channel.write(out);
            }
            int read = 0;
            bodyFrom = -1;
            do {
                in.clear().limit(answer.length - read);
                int more = channel.read(in);
                if (more <= 0) {
                    throw new LoadTestException(
                            "expected an answer, found the end after " + AnswerText.text(answer, 0, read));
                }
                in.flip().get(answer, read, more);
                read += more;
                if (bodyFrom < 0) {
                    bodyFrom = AnswerText.find(answer, 0, read, END_OF_HEADERS);
                    bodyTo = bodyFrom < 0 ? Integer.MAX_VALUE : bodyFrom + length();
                }
            } while (read < bodyTo);
            if (read != bodyTo) {
                throw new LoadTestException("expected one answer, found more: " + AnswerText.text(answer, 0, read));
            }
            return number(9); // HTTP/1.1 200 OK
        } catch (IOException e) {
            throw new LoadTestException("a connection failed: " + e, e);
        }
    }

    /// Of the body, as its header says.
    private int length() {
        for (int at = 0; at < bodyFrom - LENGTH.length; at++) {
            int same = 0;
            while (same < LENGTH.length && lower(answer[at + same]) == LENGTH[same]) {
                same++;
            }
            if (same == LENGTH.length) {
                int length = number(at + same);
                if (length > answer.length - bodyFrom) {
                    throw new LoadTestException("expected at most " + answer.length + " bytes, found " + length);
                }
                return length;
            }
        }
        throw new LoadTestException("expected a Content-Length, found " + AnswerText.text(answer, 0, bodyFrom));
    }

    private static int lower(byte character) {
        return character >= 'A' && character <= 'Z' ? character + 32 : character;
    }

    private int number(int from) {
        int number = 0;
        for (int at = from; answer[at] >= '0' && answer[at] <= '9'; at++) {
            number = 10 * number + answer[at] - '0';
        }
        return number;
    }

    byte[] bytes() {
        return answer;
    }

    int bodyFrom() {
        return bodyFrom;
    }

    int bodyTo() {
        return bodyTo;
    }

    String body() {
        return new String(answer, bodyFrom, bodyTo - bodyFrom, StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new LoadTestException("can't close a connection: " + e.getMessage(), e);
        }
    }
}
