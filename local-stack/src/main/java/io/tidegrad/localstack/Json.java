package io.tidegrad.localstack;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/// Reads JSON over HTTP from processes on this machine.
public final class Json implements AutoCloseable {
    /// A missing node: every path in it is missing too.
    public static final JsonNode NOTHING = MissingNode.getInstance();

    private static final Duration ANSWER_WITHIN = Duration.ofSeconds(10);
    static final ObjectMapper MAPPER = new ObjectMapper();

    private final HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(2)).build();

    /// The document, or null if there is no answer or it is no JSON, because the process may still be starting. The
    /// status is ignored, because health also answers with statuses other than 200.
    public @Nullable JsonNode get(String url) throws InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url)).timeout(ANSWER_WITHIN).build();
        try {
            HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
            return MAPPER.readTree(answer.body());
        } catch (JsonProcessingException notJson) {
            return null;
        } catch (IOException notYet) {
            return null;
        }
    }

    public static JsonNode parse(String text) throws JsonProcessingException {
        return MAPPER.readTree(text);
    }

    public static String write(Object value) {
        try {
            return MAPPER.writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /// A field's number; NaN if there is none.
    public static double number(JsonNode parent, String field) {
        return parent.path(field).asDouble(Double.NaN);
    }

    @Override
    public void close() {
        client.close();
    }
}
