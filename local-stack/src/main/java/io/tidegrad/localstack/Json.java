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

/// JSON over HTTP, from processes on this machine.
public final class Json implements AutoCloseable {
    /// What is not there: every path from it is missing.
    public static final JsonNode NOTHING = MissingNode.getInstance();

    private static final Duration ANSWER_WITHIN = Duration.ofSeconds(10);
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(2)).build();

    /// The document, or null while there is no answer or one that is no JSON: the process may still be starting. Health
    /// answers with other statuses than 200 too, so the status does not count.
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

    /// A number, NaN where there is none.
    public static double number(JsonNode parent, String field) {
        return parent.path(field).asDouble(Double.NaN);
    }

    @Override
    public void close() {
        client.close();
    }
}
