import com.fasterxml.jackson.databind.*;
import java.io.*;
import java.net.*;
import java.net.http.*;
import java.nio.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.time.Duration;
import java.util.*;
import java.util.function.*;
import java.util.regex.*;
import java.util.stream.*;
import java.util.zip.GZIPInputStream;
import javax.sound.sampled.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.slf4j.helpers.NOP_FallbackServiceProvider;

// Makes events of public files, sends them, and asks the model that has learned them:
//
//   java -cp 'cli/target/lib/*' docs/examples/Lists.java topic  EXAMPLE        creates the topic of events
//   java -cp 'cli/target/lib/*' docs/examples/Lists.java events EXAMPLE FILE   prints the events, a line of JSON each
//   java -cp 'cli/target/lib/*' docs/examples/Lists.java learn  EXAMPLE FILE   sends them, and prints what the trainer says
//   java -cp 'cli/target/lib/*' docs/examples/Lists.java ask    EXAMPLE FILE   asks the scorer
//
// EXAMPLE is spoken-digits, spoken-numbers, next-character or translation; its page says what FILE is, zipped or not.

/// Nothing is logged. This stands first, because the JVM's own HTTP client asks for a log when it is made.
static final boolean SILENT = System.setProperty("slf4j.internal.verbosity", "ERROR") == null
        & System.setProperty("slf4j.provider", NOP_FallbackServiceProvider.class.getName()) == null;

static final ObjectMapper JSON = new ObjectMapper().configure(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS, true);
static final HttpClient HTTP = HttpClient.newHttpClient();
static final String KAFKA = setting("TIDEGRAD_BOOTSTRAP_SERVERS", "127.0.0.1:9092");
static final String TRAINER = setting("TRAINER_URL", "http://127.0.0.1:8092");
static final String SCORER = setting("SCORER_URL", "http://127.0.0.1:8090");

static String setting(String name, String otherwise) {
    return System.getenv().getOrDefault(name, otherwise);
}

/// @param name that of the model and of its topic
/// @param label the field of the label
/// @param steps whether each class of a label counts as one, as with `kind: steps`
/// @param ask asks the model and prints what it said
record Example(String name, String label, boolean steps, List<Map<String, Object>> events, Runnable ask) {
    int labels(int event) {
        return steps ? ((List<?>) events.get(event).get(label)).size() : 1;
    }
}

void main(String[] args) throws Exception {
    String command = args.length == 0 ? "nothing" : args[0];
    if (args.length != (command.equals("topic") ? 2 : 3)) {
        throw new IllegalArgumentException("expected topic EXAMPLE, or events, learn or ask with EXAMPLE FILE, found "
                + String.join(" ", args));
    }
    switch (command) {
        case "topic" -> createTopic(args[1]);
        case "events" -> {
            for (var event : example(args[1], Path.of(args[2])).events()) IO.println(JSON.writeValueAsString(event));
        }
        case "learn" -> learn(example(args[1], Path.of(args[2])));
        case "ask" -> example(args[1], Path.of(args[2])).ask().run();
        default -> throw new IllegalArgumentException("expected topic, events, learn or ask, found " + command);
    }
}

static Example example(String name, Path file) throws IOException {
    return switch (name) {
        case "spoken-digits" -> spokenDigits(file);
        case "spoken-numbers" -> spokenNumbers(file);
        case "next-character" -> nextCharacter(file);
        case "translation" -> translation(file);
        default -> throw new IllegalArgumentException(
                "expected spoken-digits, spoken-numbers, next-character or translation, found " + name);
    };
}

static List<String> lines(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file);
            InputStream text = file.toString().endsWith(".gz") ? new GZIPInputStream(in) : in) {
        return new String(text.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    }
}

// ---------------------------------------------------------------------------------------------------- the examples

static final int FRAMES = 20, COEFFICIENTS = 13, HELD_BACK = 300;

record Clip(List<Float> frames, int digit) {}

/// A folder of recordings `DIGIT_SPEAKER_NUMBER.wav`, shuffled; or a table: names of columns, then a line a clip, with the
/// coefficients of 20 frames, whatever else there is, and last the digit.
static List<Clip> clips(Path file) throws IOException {
    if (!Files.isDirectory(file)) {
        return lines(file).stream().skip(1).map(line -> line.split(",")).map(columns -> new Clip(
                Arrays.stream(columns).limit(FRAMES * COEFFICIENTS).map(Float::valueOf).toList(),
                Integer.parseInt(columns[columns.length - 1]))).toList();
    }
    var recordings = new ArrayList<Path>();
    try (var found = Files.newDirectoryStream(file, "*.wav")) {
        found.forEach(recordings::add);
    }
    Collections.sort(recordings);
    Collections.shuffle(recordings, new Random(1));
    return recordings.parallelStream().map(wav -> new Clip(frames(wav), wav.getFileName().toString().charAt(0) - '0'))
            .toList();
}

static final int RATE = 8_000, LENGTH = RATE / 40, STEP = RATE / 100, BANDS = 26, POINTS = 256;

/// Mel-frequency cepstral coefficients of every 25 ms in steps of 10 ms, then 20 frames on straight lines between them.
static List<Float> frames(Path wav) {
    double[] sound;
    try (var in = AudioSystem.getAudioInputStream(wav.toFile())) {
        if (!in.getFormat().matches(new AudioFormat(RATE, 16, 1, true, false))) {
            throw new IllegalArgumentException(wav + ": expected 16 bits, mono, 8 kHz, found " + in.getFormat());
        }
        ShortBuffer samples = ByteBuffer.wrap(in.readAllBytes()).order(ByteOrder.LITTLE_ENDIAN).asShortBuffer();
        sound = new double[Math.max(LENGTH, samples.limit())]; // a shorter one ends in silence
        for (int i = 0; i < samples.limit(); i++) sound[i] = samples.get(i) / 32_768.0;
    } catch (IOException | UnsupportedAudioFileException e) {
        throw new IllegalArgumentException(wav + ": " + e.getMessage(), e);
    }
    int count = 1 + (sound.length - LENGTH) / STEP;
    double[][] coefficients = new double[count][];
    for (int i = 0; i < count; i++) coefficients[i] = cepstrum(sound, i * STEP);
    var frames = new ArrayList<Float>();
    for (int frame = 0; frame < FRAMES; frame++) {
        double at = frame * (count - 1) / (FRAMES - 1.0);
        int before = (int) at, after = Math.min(before + 1, count - 1);
        for (int c = 0; c < COEFFICIENTS; c++) {
            double left = coefficients[before][c], right = coefficients[after][c];
            frames.add(Math.round(1_000 * (left + (at - before) * (right - left))) / 1_000f);
        }
    }
    return frames;
}

/// A Hamming window, its spectrum's power in bands of equal width in mel, and the cosine transform of their logarithms.
static double[] cepstrum(double[] sound, int from) {
    double[] bands = new double[BANDS], cepstrum = new double[COEFFICIENTS];
    for (int k = 1; k < POINTS / 2; k++) {
        double re = 0, im = 0;
        for (int i = 0; i < LENGTH; i++) {
            double x = HAMMING[i] * sound[from + i];
            re += x * COSINES[k * i % POINTS];
            im += x * COSINES[(k * i + POINTS / 4) % POINTS];
        }
        double band = (BANDS + 1) * mel(k * RATE / (double) POINTS) / mel(RATE / 2.0); // 1 is the middle of the first
        int below = (int) band;
        if (below >= 1) bands[below - 1] += (re * re + im * im) * (1 + below - band);
        if (below < BANDS) bands[below] += (re * re + im * im) * (band - below);
    }
    for (int b = 0; b < BANDS; b++) {
        double log = StrictMath.log(bands[b] + 1e-10) * StrictMath.sqrt(2.0 / BANDS);
        for (int c = 0; c < COEFFICIENTS; c++) cepstrum[c] += log * StrictMath.cos(Math.PI * c * (b + 0.5) / BANDS);
    }
    return cepstrum;
}

static final double[] COSINES = cosines(POINTS);
static final double[] HAMMING = DoubleStream.of(cosines(LENGTH - 1)).map(cosine -> 0.54 - 0.46 * cosine).toArray();

/// Of a whole turn in so many parts, its end included.
static double[] cosines(int parts) {
    return IntStream.rangeClosed(0, parts).mapToDouble(i -> StrictMath.cos(2 * Math.PI * i / parts)).toArray();
}

static double mel(double hertz) {
    return StrictMath.log1p(hertz / 700);
}

static Example spokenDigits(Path file) throws IOException {
    List<Clip> clips = clips(file);
    int learned = clips.size() - HELD_BACK;
    List<Map<String, Object>> events = clips.stream()
            .map(clip -> Map.<String, Object>of("frames", clip.frames(), "digit", clip.digit())).toList();
    return new Example("spoken-digits", "digit", false, events.subList(0, learned), () -> {
        int right = 0;
        List<JsonNode> answers = score("spoken-digits", events.subList(learned, events.size()), "digit");
        for (int i = 0; i < HELD_BACK; i++) {
            if (likeliest(answers.get(i).get("probabilities")) == clips.get(learned + i).digit()) right++;
        }
        IO.println("%d of %d clips that it has not learned are right".formatted(right, HELD_BACK));
    });
}

/// Three clips after each other, drawn among those that are learned; those held back three by three.
static Example spokenNumbers(Path file) throws IOException {
    List<Clip> clips = clips(file);
    int learned = clips.size() - HELD_BACK;
    Random random = new Random(1);
    var events = new ArrayList<Map<String, Object>>();
    for (int i = 0; i < 3 * learned; i++) events.add(number(random.ints(3, 0, learned).mapToObj(clips::get).toList()));
    var heldBack = new ArrayList<Map<String, Object>>();
    for (int i = learned; i + 3 <= clips.size(); i += 3) heldBack.add(number(clips.subList(i, i + 3)));
    return new Example("spoken-numbers", "digits", false, events, () -> {
        int errors = 0, right = 0;
        List<JsonNode> answers = score("spoken-numbers", heldBack, "digits");
        for (int i = 0; i < answers.size(); i++) {
            List<?> said = (List<?>) heldBack.get(i).get("digits");
            List<?> heard = JSON.convertValue(answers.get(i).get("label"), List.class);
            int distance = distance(said, heard);
            errors += distance;
            if (distance == 0) right++;
            if (i < 5) IO.println("said %s, heard %s".formatted(said, heard));
        }
        IO.println("%d of %d numbers are right; label error rate %.3f".formatted(right, answers.size(),
                errors / (3.0 * answers.size())));
    });
}

static Map<String, Object> number(List<Clip> clips) {
    return Map.of("frames", clips.stream().flatMap(clip -> clip.frames().stream()).toList(), "digits",
            clips.stream().map(Clip::digit).toList());
}

/// Insertions, deletions and substitutions.
static int distance(List<?> a, List<?> b) {
    int[] row = IntStream.rangeClosed(0, b.size()).toArray();
    for (int i = 1; i <= a.size(); i++) {
        int diagonal = row[0]++;
        for (int j = 1; j <= b.size(); j++) {
            int replaced = diagonal + (a.get(i - 1).equals(b.get(j - 1)) ? 0 : 1);
            diagonal = row[j];
            row[j] = Math.min(replaced, 1 + Math.min(row[j - 1], row[j]));
        }
    }
    return row[b.size()];
}

static final int WINDOW = 64;

/// A class is a character's place among those of the text, in order.
static Example nextCharacter(Path file) throws IOException {
    String text = String.join("\n", lines(file)) + "\n";
    String alphabet = text.chars().distinct().sorted().mapToObj(Character::toString).collect(Collectors.joining());
    List<Integer> classes = text.chars().mapToObj(alphabet::indexOf).toList();
    var events = new ArrayList<Map<String, Object>>();
    for (int i = 0; i + WINDOW <= classes.size(); i += WINDOW) events.add(Map.of("text", classes.subList(i, i + WINDOW)));
    return new Example("next-character", "text", true, events, () -> {
        Random random = new Random(1);
        var written = new ArrayList<>(List.of(alphabet.indexOf('\n')));
        while (written.size() < 400) {
            List<Integer> known = written.subList(Math.max(0, written.size() - WINDOW + 1), written.size());
            JsonNode steps = score("next-character", List.of(Map.of("text", known)), "").getFirst().get("probabilities");
            double left = random.nextDouble();
            int next = 0;
            JsonNode likely = steps.get(known.size());
            while (next < alphabet.length() - 1 && (left -= likely.get(next).doubleValue()) > 0) next++;
            written.add(next);
        }
        IO.println(written.stream().skip(1).map(c -> alphabet.substring(c, c + 1)).collect(Collectors.joining()));
    });
}

static final int PAIRS = 10_000, PASSES = 3, ENGLISH = 24, FRENCH = 24, VOCABULARY = 2_000;
static final int END = 0, UNKNOWN = 1;
static final Pattern WORD = Pattern.compile("[\\p{L}\\p{N}]+'?|[^\\s\\p{L}\\p{N}]");

static List<String> words(String sentence) {
    return WORD.matcher(sentence.toLowerCase(Locale.ROOT)).results().map(MatchResult::group).toList();
}

/// A class is a French word's place among the most frequent ones of the pairs that are learned; the two first mean the
/// end and any other word. English words are hashed, so they need no list.
static Example translation(Path file) throws IOException {
    var pairs = new ArrayList<JsonNode>();
    for (String line : lines(file)) pairs.add(JSON.readTree(line));
    List<JsonNode> learned = pairs.subList(0, Math.min(PAIRS, pairs.size() - 5));
    var counts = new TreeMap<String, Integer>();
    learned.forEach(pair -> words(pair.get("tgt").textValue()).forEach(word -> counts.merge(word, 1, Integer::sum)));
    var vocabulary = new ArrayList<>(List.of(".end", ".unknown"));
    counts.entrySet().stream().sorted(Map.Entry.<String, Integer>comparingByValue().reversed())
            .limit(VOCABULARY - 2).forEach(entry -> vocabulary.add(entry.getKey()));
    var places = new HashMap<String, Integer>();
    vocabulary.forEach(word -> places.put(word, places.size()));
    List<Map<String, Object>> once = learned.stream().map(pair -> {
        Stream<Integer> french = words(pair.get("tgt").textValue()).stream().map(word -> places.getOrDefault(word, UNKNOWN));
        return Map.<String, Object>of("english", english(pair.get("src").textValue()), "french",
                Stream.concat(french, Stream.of(END)).limit(FRENCH).toList());
    }).toList();
    List<Map<String, Object>> events = Collections.nCopies(PASSES, once).stream().flatMap(List::stream).toList();
    return new Example("translation", "french", true, events, () -> {
        for (String sentence : SENTENCES) {
            IO.println(sentence);
            IO.println("  model  " + french(sentence, vocabulary));
        }
        for (JsonNode pair : pairs.subList(learned.size(), learned.size() + 5)) {
            IO.println(pair.get("src").textValue());
            IO.println("  model  " + french(pair.get("src").textValue(), vocabulary));
            IO.println("  people " + pair.get("tgt").textValue());
        }
    });
}

static final List<String> SENTENCES = List.of("A man is riding a bike.", "Two children are playing with a ball.",
        "A woman in a red dress is walking on the street.", "A dog is running on the grass.",
        "Three people are sitting at a table.");

/// Greedily: the likeliest word is appended and the question asked again, until it is the end.
static String french(String sentence, List<String> vocabulary) {
    var known = new ArrayList<Integer>();
    while (known.size() < FRENCH && !known.contains(END)) {
        var question = Map.<String, Object>of("english", english(sentence), "french", known);
        JsonNode steps = score("translation", List.of(question), "").getFirst().get("probabilities");
        known.add(likeliest(steps.get(known.size())));
    }
    return known.stream().filter(word -> word != END).map(vocabulary::get).collect(Collectors.joining(" "))
            .replace("' ", "'");
}

static List<String> english(String sentence) {
    return words(sentence).stream().limit(ENGLISH).toList();
}

// ------------------------------------------------------------------------------------------------ learning and asking

static void createTopic(String name) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", KAFKA))) {
        admin.createTopics(List.of(new NewTopic(name, 1, (short) 1))).all().get();
    }
}

/// Sends a tenth of the events, waits until the trainer has learned it, and prints the means over that tenth.
static void learn(Example example) throws Exception {
    int events = example.events().size();
    JsonNode before = JSON.createObjectNode();
    long labelsBefore = 0, labels = 0, learned = 0;
    long begun = System.nanoTime();
    IO.println("events learned    loss   prior  accuracy    seconds");
    try (var producer = new KafkaProducer<>(Map.of("bootstrap.servers", KAFKA), new ByteArraySerializer(),
            new ByteArraySerializer())) {
        for (int tenth = 1, sent = 0; tenth <= 10; tenth++) {
            for (; sent < (long) events * tenth / 10; sent++) {
                producer.send(new ProducerRecord<>(example.name(), JSON.writeValueAsBytes(example.events().get(sent))));
            }
            producer.flush();
            JsonNode model = await(TRAINER + "/health", sent, health -> {
                for (JsonNode each : health.path("models")) {
                    if (each.get("model").textValue().equals(example.name())) return each;
                }
                return health.path("none");
            }, "/watermark", "/report/watermark");
            for (; learned < model.get("learned").asLong(); learned++) labels += example.labels((int) learned);
            JsonNode report = model.get("report");
            IO.println("%,14d %7.4f %7.4f %9.4f %10.1f".formatted(learned,
                    mean("log_loss", before, labelsBefore, report, labels),
                    mean("prior_log_loss", before, labelsBefore, report, labels),
                    mean("accuracy", before, labelsBefore, report, labels), (System.nanoTime() - begun) * 1e-9));
            before = report;
            labelsBefore = labels;
        }
    }
    String hash = before.get("weights_hash").textValue();
    await(SCORER + "/v1/models/" + example.name(), hash, served -> served, "/weights_hash");
    IO.println("served with weights-hash " + hash);
}

/// The mean over what came between two means over all.
static double mean(String measure, JsonNode before, long labelsBefore, JsonNode after, long labels) {
    return (after.path(measure).asDouble(Double.NaN) * labels - before.path(measure).asDouble(0) * labelsBefore)
            / (labels - labelsBefore);
}

/// Asks again and again until a part of the answer has a value at some places.
static JsonNode await(String url, Object value, UnaryOperator<JsonNode> part, String... places) throws Exception {
    String found = "no answer";
    for (long end = System.nanoTime() + PATIENCE.toNanos(); System.nanoTime() < end; Thread.sleep(50)) {
        try {
            found = HTTP.send(HttpRequest.newBuilder(URI.create(url)).build(), HttpResponse.BodyHandlers.ofString()).body();
            JsonNode answer = part.apply(JSON.readTree(found));
            if (Stream.of(places).allMatch(place -> answer.at(place).asText().equals(value.toString()))) return answer;
        } catch (ConnectException notYet) {
            // it starts
        }
    }
    throw new IllegalStateException("%s: expected %s at %s within %s, found %s".formatted(url, value,
            List.of(places), PATIENCE, found));
}

static final Duration PATIENCE = Duration.ofMinutes(10);

/// @param label a field to leave out of the questions
static List<JsonNode> score(String model, List<Map<String, Object>> events, String label) {
    var questions = events.stream().map(event -> {
        var question = new TreeMap<>(event);
        question.remove(label);
        return question;
    }).toList();
    try {
        var request = HttpRequest.newBuilder(URI.create(SCORER + "/v1/models/" + model + "/score"))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofByteArray(JSON.writeValueAsBytes(questions))).build();
        HttpResponse<String> answer = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) throw new IllegalStateException(answer.body());
        var predictions = new ArrayList<JsonNode>();
        JSON.readTree(answer.body()).get("predictions").forEach(predictions::add);
        return predictions;
    } catch (IOException | InterruptedException e) {
        throw new IllegalStateException(e);
    }
}

static int likeliest(JsonNode probabilities) {
    return IntStream.range(0, probabilities.size()).boxed()
            .max(Comparator.comparingDouble(i -> probabilities.get(i).doubleValue())).orElseThrow();
}
