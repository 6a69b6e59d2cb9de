package io.tidegrad.console;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.helidon.http.Status;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.spec.SpecException;
import io.tidegrad.schemas.FieldPath;
import io.tidegrad.schemas.ModelRecord;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiFunction;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// `GET /try` tells the page how an event of a model may look, and `POST /try` asks the scorer what the model answers to
/// one.
final class TryEndpoint implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    /// An image of 16,384 numbers of seven digits has so many.
    static final int BODY_BYTES_MAX = 128 * 1024;

    private static final int FORMS_MAX = 16;
    private static final long FORM_FOR_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final long EVENTS_WITHIN_SECONDS = 5;

    /// Others come from records that somebody has written, and no scorer has them.
    private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,99}");

    private final Picture picture;
    private final BiFunction<ModelSpec, String, NewestEvents.Read> newest;
    private final AskedScorer scorer;
    private final ReentrantLock reading = new ReentrantLock(); // of events, by one request at a time
    private final Map<String, Form> forms = new LinkedHashMap<>(); // by model, the oldest first

    /// @param spec that it is made of
    private record Form(String spec, long madeAt, Map<String, @Nullable Object> said) {
    }

    /// @param newest the newest events of a spec's topic
    TryEndpoint(Picture picture, BiFunction<ModelSpec, String, NewestEvents.Read> newest, ScorerAddress scorer) {
        this.picture = picture;
        this.newest = newest;
        this.scorer = new AskedScorer(scorer);
    }

    /// Answers `GET`.
    void form(ServerRequest request, ServerResponse response) throws IOException {
        String model = request.query().first("model").orElse("");
        ModelRecord registered = picture.registered(model);
        if (registered == null || !NAME.matcher(model).matches()) {
            PageRequest.refuse(response, Status.NOT_FOUND_404,
                    "this model is not registered, so nobody says what it reads");
            return;
        }
        try {
            PageRequest.answer(response, Status.OK_200, form(registered));
        } catch (SpecException e) {
            PageRequest.refuse(response, Status.BAD_GATEWAY_502,
                    "expected a spec that this build of the console reads, found: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            PageRequest.refuse(response, Status.SERVICE_UNAVAILABLE_503, "the console ends");
        }
    }

    private Map<String, @Nullable Object> form(ModelRecord registered) throws InterruptedException {
        ModelSpec spec = ModelSpec.parseRegistered(registered.getSpec(), "the spec of " + registered.getModel());
        if (!reading.tryLock(EVENTS_WITHIN_SECONDS, TimeUnit.SECONDS)) {
            return TryForm.of(spec, new NewestEvents.Read(List.of(), "others are being read; try again"));
        }
        try {
            Form known = forms.get(registered.getModel());
            if (known != null && known.spec.equals(spec.yaml()) && System.nanoTime() - known.madeAt < FORM_FOR_NANOS) {
                return known.said;
            }
            // While Kafka is away, reading would wait for a minute. That other topics are denied does not matter here.
            Picture.Status status = picture.status();
            NewestEvents.Read read = status.problem().isEmpty() || !status.denied().isEmpty()
                    ? newest.apply(spec, registered.getInputTopic())
                    : new NewestEvents.Read(List.of(), status.problem());
            Form made = new Form(spec.yaml(), System.nanoTime(), TryForm.of(spec, read));
            forms.remove(registered.getModel());
            forms.put(registered.getModel(), made);
            if (forms.size() > FORMS_MAX) {
                forms.remove(forms.keySet().iterator().next());
            }
            return made.said;
        } finally {
            reading.unlock();
        }
    }

    /// Answers `POST`.
    void ask(ServerRequest request, ServerResponse response) throws IOException {
        String model = request.query().first("model").orElse("");
        if (!NAME.matcher(model).matches()) {
            PageRequest.refuse(response, Status.NOT_FOUND_404, "expected the name of a model, found none");
            return;
        }
        try {
            PageRequest.answer(response, Status.OK_200, scorer.ask(model, event(request)));
        } catch (IllegalArgumentException e) {
            PageRequest.refuse(response, Status.BAD_REQUEST_400, String.valueOf(e.getMessage()));
        } catch (AskedScorer.NoAnswerException e) {
            PageRequest.refuse(response, e.ofTheEvent() ? Status.BAD_REQUEST_400 : Status.BAD_GATEWAY_502,
                    String.valueOf(e.getMessage()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            PageRequest.refuse(response, Status.SERVICE_UNAVAILABLE_503, "the console ends");
        }
    }

    /// Returns the event as a scorer takes it: the page names fields by their paths, and an event nests as they say.
    private static byte[] event(ServerRequest request) throws IOException {
        Map<String, @Nullable Object> fields;
        try {
            fields = JSON.readValue(PageRequest.body(request, BODY_BYTES_MAX),
                    new TypeReference<Map<String, @Nullable Object>>() {
                    });
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("expected the fields of an event as a JSON object, found something else",
                    e);
        }
        if (fields == null) {
            throw new IllegalArgumentException("expected the fields of an event as a JSON object, found null");
        }
        Map<String, @Nullable Object> event = new LinkedHashMap<>();
        fields.forEach((path, value) -> {
            if (value != null) {
                FieldPath.parsedOrName(path).put(event, value);
            }
        });
        return JSON.writeValueAsBytes(event);
    }

    @Override
    public void close() {
        scorer.close();
    }
}
