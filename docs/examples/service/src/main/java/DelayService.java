import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import io.tidegrad.scorer.NotReadyException;
import io.tidegrad.scorer.Prediction;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerOptions;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.Map;

/// Answers POST /delay with the chance of a delay. A framework would make two beans of it, the scorer (closed at the
/// end) and the handler.
public final class DelayService {
    private static final TypeReference<Map<String, Object>> RECORD = new TypeReference<>() {};

    public static void main(String[] arguments) throws Exception {
        // A .snapshot file, or a model and Kafka's address.
        Scorer scorer = arguments.length == 1 ? Scorer.open(Path.of(arguments[0]))
                : Scorer.open(ScorerOptions.of(arguments[0], Map.of("bootstrap.servers", arguments[1])));
        ObjectMapper json = new ObjectMapper();
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.createContext("/delay", exchange -> {
            try (exchange) {
                int status = 200;
                Object answer;
                try {
                    Map<String, Object> record = json.readValue(exchange.getRequestBody(), RECORD);
                    if (record == null) {
                        throw new IllegalArgumentException("expected a record, found null");
                    }
                    Prediction prediction = scorer.score(record);
                    answer = Map.of("version", prediction.version(), "delay", prediction.probabilities()[0]);
                } catch (IllegalArgumentException | JsonProcessingException e) {
                    status = 400;
                    answer = Map.of("error", String.valueOf(e.getMessage()));
                } catch (NotReadyException e) {
                    status = 503;
                    answer = Map.of("error", String.valueOf(e.getMessage()));
                }
                byte[] body = json.writeValueAsBytes(answer);
                exchange.sendResponseHeaders(status, body.length);
                exchange.getResponseBody().write(body);
            }
        });
        server.start();
        System.out.println("http://127.0.0.1:" + server.getAddress().getPort() + "/delay");
    }
}
