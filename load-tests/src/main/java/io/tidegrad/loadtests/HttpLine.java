package io.tidegrad.loadtests;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/// One connection of HTTP/1.1 that stays open: a request that lies ready is written, and its answer is read. This takes a
/// write and, mostly, one read of the operating system a request. For one thread; another one may close it.
public final class HttpLine implements AutoCloseable {
    private static final String LENGTH = "\r\ncontent-length: ";

    private final Socket socket = new Socket();
    private final byte[] answer;
    private int bodyFrom;
    private int bodyTo;

    /// @param bytesMax of an answer
    /// @param patience to connect, and until each part of an answer; zero: without end
    /// @throws LoadTestException nobody listens
    public HttpLine(int port, int bytesMax, Duration patience) {
        answer = new byte[bytesMax];
        try {
            socket.setTcpNoDelay(true);
            socket.setSoTimeout((int) patience.toMillis());
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), (int) patience.toMillis());
        } catch (IOException e) {
            close();
            throw new LoadTestException("can't connect to port " + port + ": " + e.getMessage(), e);
        }
    }

    /// The bytes of a request.
    public static byte[] get(String path) {
        return ("GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").getBytes(StandardCharsets.UTF_8);
    }

    /// The bytes of a request.
    ///
    /// @param headers further ones, each `Name: value`
    public static byte[] post(String path, String json, String... headers) {
        int length = json.getBytes(StandardCharsets.UTF_8).length;
        StringBuilder more = new StringBuilder();
        for (String header : headers) {
            more.append(header).append("\r\n");
        }
        return ("POST " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + more
                + "Content-Type: application/json\r\nContent-Length: " + length + "\r\n\r\n" + json)
                .getBytes(StandardCharsets.UTF_8);
    }

    /// Returns the status; the body is in `bytes`, from `bodyFrom` to `bodyTo`.
    ///
    /// @throws LoadTestException the connection ended, or what came is no whole answer
    public int ask(byte[] request) {
        try {
            socket.getOutputStream().write(request);
            int read = 0;
            bodyFrom = -1;
            do {
                int more = socket.getInputStream().read(answer, read, answer.length - read);
                if (more <= 0) {
                    throw new LoadTestException("expected an answer, found the end after " + text(0, read));
                }
                read += more;
                if (bodyFrom < 0) {
                    int end = find("\r\n\r\n", read);
                    bodyFrom = end;
                    bodyTo = end < 0 ? Integer.MAX_VALUE : end + length();
                }
            } while (read < bodyTo);
            if (read != bodyTo) {
                throw new LoadTestException("expected one answer, found more: " + text(0, read));
            }
            return number(9); // HTTP/1.1 200 OK
        } catch (IOException e) {
            throw new LoadTestException("a connection failed: " + e, e);
        }
    }

    /// Of the body, as its header says.
    private int length() {
        int at = find(LENGTH, bodyFrom);
        if (at < 0) {
            throw new LoadTestException("expected a Content-Length, found " + text(0, bodyFrom));
        }
        int length = number(at);
        if (length > answer.length - bodyFrom) {
            throw new LoadTestException("expected at most " + answer.length + " bytes, found " + length);
        }
        return length;
    }

    /// Where the words end, in whatever case they are written; -1 if they are not there.
    private int find(String words, int to) {
        for (int at = 0; at <= to - words.length(); at++) {
            int same = 0;
            while (same < words.length() && lower(answer[at + same]) == words.charAt(same)) {
                same++;
            }
            if (same == words.length()) {
                return at + same;
            }
        }
        return -1;
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

    private String text(int from, int to) {
        return new String(answer, from, to - from, StandardCharsets.UTF_8);
    }

    public byte[] bytes() {
        return answer;
    }

    public int bodyFrom() {
        return bodyFrom;
    }

    public int bodyTo() {
        return bodyTo;
    }

    public String body() {
        return text(bodyFrom, bodyTo);
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException e) {
            throw new LoadTestException("can't close a connection: " + e.getMessage(), e);
        }
    }
}
