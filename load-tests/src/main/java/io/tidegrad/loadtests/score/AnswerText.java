package io.tidegrad.loadtests.score;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.tidegrad.loadtests.LoadTestException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Set;

/// Reads what is compared out of a scorer's JSON, of `/v1` or `/v2`, token by token: a client that costs more than the
/// server would measure itself. For one thread.
final class AnswerText {
    private static final JsonFactory JSON = new JsonFactory();

    /// Fields behind which all numbers are predictions, of `/v1` and of `/v2`.
    private static final Set<String> PREDICTIONS = Set.of("predictions", "data");

    private final float[] numbers;
    private long version;

    /// @param numbers of one answer, at most
    AnswerText(int numbers) {
        this.numbers = new float[numbers];
    }

    /// Returns how many numbers there are.
    ///
    /// @throws LoadTestException it is no such answer
    int read(byte[] body, int from, int to) {
        int count = 0;
        boolean predictions = false;
        version = -1;
        try (JsonParser json = JSON.createParser(body, from, to - from)) {
            for (JsonToken token = json.nextToken(); token != null; token = json.nextToken()) {
                if (token == JsonToken.FIELD_NAME) {
                    predictions |= PREDICTIONS.contains(json.currentName());
                } else if (token.isNumeric() && predictions) {
                    if (count == numbers.length) {
                        throw new LoadTestException(
                                "expected at most " + count + " numbers, found more in " + text(body, from, to));
                    }
                    numbers[count++] = Float.parseFloat(json.getText());
                } else if (token.isNumeric() && "version".equals(json.currentName())) {
                    version = json.getLongValue();
                }
            }
        } catch (IOException e) {
            throw new LoadTestException("expected JSON, found " + text(body, from, to), e);
        }
        if (version < 0 || !predictions) {
            throw new LoadTestException("expected version and predictions in " + text(body, from, to));
        }
        return count;
    }

    /// Of the answer read last.
    long version() {
        return version;
    }

    /// Of the answer read last: as many as `read` said.
    float[] numbers() {
        return numbers;
    }

    private static String text(byte[] bytes, int from, int to) {
        return new String(bytes, from, to - from, StandardCharsets.UTF_8);
    }
}
