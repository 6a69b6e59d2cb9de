package io.tidegrad.console;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.ProcessStatus;
import io.tidegrad.control.RunStatus;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Verdict;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// What the topics tell of a cluster, in bounded memory. One thread writes it, any may read it.
final class Picture {
    /// Names come from records that anybody with the right to write has written.
    static final int MODELS_MAX = 1_000;

    /// So many names of models that are left out are told apart.
    static final int LEFT_OUT_MAX = 10_000;

    private static final int PROCESSES_MAX = 1_000;

    /// A process that says nothing for so long is forgotten. The topic keeps its records as long.
    static final long FORGOTTEN_MILLIS = 3_600_000;

    private final List<String> shown; // how names of models begin; empty for all
    private final Map<String, ModelPicture> models = new TreeMap<>();
    private final Set<String> leftOut = new HashSet<>(); // models for which there is no room
    private final Map<String, Seen> scorers = new LinkedHashMap<>(); // also silent ones
    private final Map<String, SeenRun> running = new LinkedHashMap<>(); // trainers and joiners
    private long told; // when the newest status was appended, epoch ms
    private long processesGone; // the revision in which one of them was left out last
    private final Bounded<DeadLetterView> deadLettersOfStreams = new Bounded<>(50);
    private @Nullable Verdict ofBuild; // what chaos found last
    private long revision = 1;
    private long streamsChanged; // the revision in which their dead letters changed last
    private boolean caughtUp;
    private String problem = "";
    private Map<String, String> denied = Map.of();
    private long unreadable;
    private Traffic traffic = new Traffic(0, 0);
    private boolean closed;

    /// @param since by name, when the process told first that it serves its version
    /// @param changed the revision in which it said so
    private record Seen(ProcessStatus status, long appended, Map<String, Long> since, long changed) {
        /// Whether it served the same version under this name.
        boolean serves(ProcessStatus.Served now) {
            return status.names().stream()
                    .anyMatch(each -> each.name().equals(now.name()) && each.model().equals(now.model())
                            && each.epoch() == now.epoch() && each.version() == now.version());
        }
    }

    /// @param changed the revision in which it said so
    private record SeenRun(RunStatus status, long appended, long changed) {
    }

    /// @param shown how names of models begin that are shown; empty for all
    Picture(List<String> shown) {
        this.shown = List.copyOf(shown);
    }

    /// @param caughtUp whether everything that was there at the start has been read
    /// @param problem why topics can't be read now; empty if they can
    /// @param denied topics that may not be read, and which right is missing
    /// @param unreadable how many records could not be read
    /// @param leftOut models for which there is no room, `LEFT_OUT_MAX` if there are more
    record Status(@JsonProperty("caught_up") boolean caughtUp, String problem, Map<String, String> denied,
            long unreadable, int models, @JsonProperty("left_out") int leftOut) {
        /// Returns what people have to know of models that are left out; empty if all are there.
        @JsonProperty("left_out_message")
        String leftOutMessage() {
            return leftOut == 0 ? ""
                    : (leftOut == LEFT_OUT_MAX ? "At least " : "")
                            + (leftOut == 1 ? "1 model is" : leftOut + " models are") + " left out, because a console"
                            + " knows up to " + MODELS_MAX + ": choose models by the beginnings of their names with"
                            + " --model-prefix";
        }
    }

    /// What reading the topics has cost so far, in bytes over connections to Kafka.
    record Traffic(long received, long sent) {
        Traffic and(Traffic more) {
            return new Traffic(received + more.received, sent + more.sent);
        }
    }

    synchronized Traffic traffic() {
        return traffic;
    }

    /// Pages are not told: it grows all the time.
    synchronized void traffic(Traffic now) {
        traffic = now;
    }

    synchronized Status status() {
        String all = problem.isEmpty() && !denied.isEmpty()
                ? "Not all topics can be read: " + String.join("; ", new TreeSet<>(denied.values())) : problem;
        return new Status(caughtUp, all, denied, unreadable, models.size(), leftOut.size());
    }

    /// Changes what is known of a model.
    synchronized void change(String model, Consumer<ModelPicture> change) {
        ModelPicture of = models.get(model);
        if (of == null) {
            if (!shown.isEmpty() && shown.stream().noneMatch(model::startsWith)) {
                return;
            }
            if (models.size() >= MODELS_MAX) {
                if (leftOut.size() < LEFT_OUT_MAX && leftOut.add(model)) {
                    revision++;
                }
                return;
            }
            of = new ModelPicture(model);
            models.put(model, of);
            if (ofBuild != null) {
                of.take(ofBuild);
            }
        }
        change.accept(of);
        touch(of);
    }

    /// Each model's proof shows a verdict about the build.
    synchronized void take(Verdict verdict) {
        if (!verdict.getModel().isEmpty()) {
            change(verdict.getModel(), of -> of.take(verdict));
            return;
        }
        ofBuild = verdict;
        models.values().forEach(of -> {
            of.take(verdict);
            touch(of);
        });
    }

    private void touch(ModelPicture model) {
        revision++;
        model.changedIn(revision);
    }

    /// @param record null if the model was deleted
    synchronized void take(String model, @Nullable ModelRecord record) {
        change(model, of -> of.take(record));
        if (record == null && leftOut.remove(model)) {
            revision++;
        }
    }

    void take(ControlRecord decision) {
        change(decision.model(), of -> of.take(decision));
    }

    /// @param appended when the broker appended it, epoch ms
    synchronized void take(ProcessStatus status, long appended) {
        Seen before = scorers.remove(status.process());
        told = Math.max(told, appended);
        revision++;
        if (!status.stopped()) {
            scorers.put(status.process(), new Seen(status, appended, since(status, appended, before), revision));
        } else if (before != null) {
            processesGone = revision;
        }
        // One that was killed begins under a new id at the same address.
        leaveOut(scorers, seen -> isSilent(seen) && seen.status().address().equals(status.address()));
        bound(scorers);
        for (ProcessStatus.Served served : status.names()) {
            ModelPicture of = models.get(served.model().isEmpty() ? served.name() : served.model());
            if (of != null) {
                touch(of);
            }
        }
        notifyAll();
    }

    /// @param appended when the broker appended it, epoch ms
    synchronized void take(RunStatus status, long appended) {
        told = Math.max(told, appended);
        revision++;
        running.remove(status.process());
        running.put(status.process(), new SeenRun(status, appended, revision));
        bound(running);
    }

    /// Leaves out what has been silent for longest, if there is no room for all.
    private <S> void bound(Map<String, S> processes) {
        if (processes.size() > PROCESSES_MAX) {
            S oldest = processes.values().iterator().next();
            leaveOut(processes, oldest::equals);
        }
    }

    private <S> void leaveOut(Map<String, S> processes, Predicate<S> these) {
        if (processes.values().removeIf(these)) {
            processesGone = ++revision;
        }
    }

    private boolean isSilent(Seen scorer) {
        return told - scorer.appended() > ProcessStatus.SILENT_MILLIS;
    }

    /// Forgets processes that have been silent for an hour.
    ///
    /// @param now epoch ms
    synchronized void forget(long now) {
        leaveOut(scorers, seen -> now - seen.appended() > FORGOTTEN_MILLIS);
        leaveOut(running, seen -> now - seen.appended() > FORGOTTEN_MILLIS);
        notifyAll();
    }

    private static Map<String, Long> since(ProcessStatus status, long appended, @Nullable Seen before) {
        Map<String, Long> since = new HashMap<>();
        for (ProcessStatus.Served now : status.names()) {
            since.put(now.name(), before != null && before.serves(now)
                    ? before.since().getOrDefault(now.name(), appended) : appended);
        }
        return since;
    }

    synchronized void takeOfStream(DeadLetterView letter) {
        deadLettersOfStreams.add(letter);
        revision++;
        streamsChanged = revision;
    }

    /// Returns the topics that models learn.
    synchronized Set<String> inputTopics() {
        Set<String> topics = new TreeSet<>();
        for (ModelPicture model : models.values()) {
            String topic = model.inputTopic();
            if (topic != null) {
                topics.add(topic);
            }
        }
        return topics;
    }

    /// Returns the models that were registered and not deleted.
    synchronized List<String> registered() {
        return models.values().stream().filter(each -> each.inputTopic() != null).map(ModelPicture::name).toList();
    }

    /// Returns a model as it is registered; null if it is not.
    synchronized @Nullable ModelRecord registered(String model) {
        ModelPicture of = models.get(model);
        return of == null ? null : of.registered();
    }

    /// @param ends of input topics, by name
    /// @param millis when that was so, epoch ms
    synchronized void logsEnd(Map<String, Long> ends, long millis) {
        for (ModelPicture model : models.values()) {
            String topic = model.inputTopic();
            Long end = topic == null ? null : ends.get(topic);
            if (end != null && model.logEnds(end, millis)) {
                touch(model);
            }
        }
    }

    synchronized void unreadable() {
        unreadable++;
    }

    synchronized void caughtUp() {
        if (!caughtUp) {
            caughtUp = true;
            revision++;
        }
    }

    /// @param why the topics can't be read; empty if they can again
    synchronized void problem(String why) {
        if (!problem.equals(why)) {
            problem = why;
            revision++;
            notifyAll();
        }
    }

    /// @param topics that may not be read, and which right is missing
    synchronized void denied(Map<String, String> topics) {
        if (!denied.equals(topics)) {
            denied = Map.copyOf(topics);
            revision++;
            notifyAll();
        }
    }

    /// Tells those who wait that there is news.
    synchronized void news() {
        notifyAll();
    }

    /// What has changed since a revision.
    ///
    /// @param revision of this answer
    /// @param points how many points of the model's course are known with it
    /// @param said becomes JSON
    record Change(long revision, long points, Map<String, @Nullable Object> said) {
    }

    /// Returns what has changed after revision `seen`, as soon as there is something, or null after `millis` without.
    ///
    /// @param model whose details are wanted too; empty for none
    /// @param points of its course that are known already
    synchronized @Nullable Change await(long seen, String model, long points, long millis) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        while (revision <= seen && !closed) {
            long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
            if (left <= 0) {
                return null;
            }
            wait(left);
        }
        ModelPicture chosen = models.get(model);
        return closed ? null : new Change(revision, chosen == null ? 0 : chosen.points(), since(seen, chosen, points));
    }

    private Map<String, @Nullable Object> since(long seen, @Nullable ModelPicture chosen, long points) {
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("now_ms", System.currentTimeMillis());
        said.put("status", status());
        List<Map<String, @Nullable Object>> changed = new ArrayList<>();
        List<String> gone = new ArrayList<>();
        for (ModelPicture each : models.values()) {
            if (each.isDeleted()) {
                gone.add(each.name());
            } else if (each.hasChangedSince(seen)) {
                changed.add(each.summary());
            }
        }
        said.put("models", changed);
        said.put("gone", gone);
        boolean all = seen == 0 || processesGone > seen;
        said.put("all_processes", all);
        said.put("processes", processes(all ? 0 : seen, chosen));
        if (streamsChanged > seen) {
            said.put("streams_dead_letters", deadLettersOfStreams.newestFirst());
        }
        if (chosen != null && chosen.hasChangedSince(seen)) {
            said.put("model", chosen.details(seen, points, serving(chosen.name())));
        }
        return said;
    }

    /// Returns what every process says of itself, and what trainers and joiners say of the chosen model.
    ///
    /// @param since the revision that is known already; 0 for none
    private List<Map<String, @Nullable Object>> processes(long since, @Nullable ModelPicture chosen) {
        List<Map<String, @Nullable Object>> processes = new ArrayList<>();
        for (SeenRun seen : running.values().stream().filter(each -> each.changed() > since).toList()) {
            RunStatus status = seen.status();
            Map<String, @Nullable Object> said =
                    process(status.role().word(), status.process(), status.address(), seen.appended());
            said.put("host", status.host());
            said.put("stopped", status.stopped());
            said.put("problem", status.problem());
            said.put("build", status.build());
            said.put("started_ms", status.started());
            said.put("heap_used", status.heapUsed());
            said.put("heap_max", status.heapMax());
            said.put("runs", status.runs().stream().filter(run -> isOf(status.role(), run, chosen)).toList());
            said.put("all_runs", status.runs().size() + status.leftOut());
            processes.add(said);
        }
        for (Seen seen : scorers.values().stream().filter(each -> each.changed() > since).toList()) {
            ProcessStatus status = seen.status();
            Map<String, @Nullable Object> said = process("scorer", status.process(), status.address(), seen.appended());
            said.put("serves", chosen != null && status.names().stream()
                    .anyMatch(each -> each.model().equals(chosen.name()) || each.name().equals(chosen.name())));
            processes.add(said);
        }
        return processes;
    }

    private static Map<String, @Nullable Object> process(String role, String process, String address, long seen) {
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("role", role);
        said.put("process", process);
        said.put("address", address);
        said.put("seen_ms", seen);
        return said;
    }

    /// Returns whether the model is learned there, or learns what is joined there.
    private static boolean isOf(RunStatus.Role role, RunStatus.Run run, @Nullable ModelPicture model) {
        String input = model == null ? null : model.inputTopic();
        return model != null && switch (role) {
            case TRAINER -> run.name().equals(model.name());
            case JOINER -> input != null && input.endsWith(".examples." + run.name() + "." + run.epoch());
        };
    }

    private List<ModelPicture.Serving> serving(String model) {
        List<ModelPicture.Serving> serving = new ArrayList<>();
        for (Seen seen : scorers.values()) {
            if (isSilent(seen)) {
                continue; // the panel of processes tells of it
            }
            for (ProcessStatus.Served served : seen.status().names()) {
                if (served.model().equals(model) || served.name().equals(model)) {
                    serving.add(new ModelPicture.Serving(seen.status(), served, seen.appended(),
                            seen.since().getOrDefault(served.name(), seen.appended())));
                }
            }
        }
        return serving;
    }

    synchronized boolean isClosed() {
        return closed;
    }

    /// Ends what waits.
    synchronized void close() {
        closed = true;
        notifyAll();
    }
}
