package io.tidegrad.model.spec;

import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.api.lowlevel.Parse;
import org.snakeyaml.engine.v2.events.AliasEvent;
import org.snakeyaml.engine.v2.events.CollectionEndEvent;
import org.snakeyaml.engine.v2.events.CollectionStartEvent;
import org.snakeyaml.engine.v2.events.DocumentStartEvent;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.events.NodeEvent;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.Node;

/// Text → YAML tree with places, for text that nobody vouches for: bounded in length and depth, no anchors or aliases
/// (a few lines of them stand for gigabytes), no tags to classes (the tree is never constructed into objects).
public final class YamlTree {
    /// A spec with a hundred features has about 6,000 characters.
    static final int CHARACTERS_MAX = 64 * 1024;

    /// A valid spec is five deep; the composer recurses, so depth must be bounded before it runs.
    static final int DEPTH_MAX = 32;

    /// `tags[]`, unquoted.
    private static final Pattern BRACKETS = Pattern.compile("\\w\\[");

    private YamlTree() {}

    /// Null, and a problem, when there is no tree.
    ///
    /// @param what the text describes, for messages: "model"
    public static @Nullable Node read(String yaml, String what, Problems problems) {
        if (yaml.length() > CHARACTERS_MAX) {
            problems.add(Optional.empty(),
                    "expected at most " + CHARACTERS_MAX + " characters, found " + yaml.length());
            return null;
        }
        LoadSettings settings = LoadSettings.builder().setUseMarks(true).setCodePointLimit(CHARACTERS_MAX).build();
        try {
            if (!isHarmless(new Parse(settings).parseString(yaml), what, problems)) {
                return null;
            }
            Optional<Node> root = new Compose(settings).composeString(yaml);
            if (root.isEmpty()) {
                problems.add(Optional.empty(), "expected a " + what + " spec, found an empty file");
            }
            return root.orElse(null);
        } catch (MarkedYamlEngineException notYaml) {
            problems.add(notYaml.getProblemMark(),
                    "this is not YAML: " + oneLine(notYaml.getProblem()) + (BRACKETS.matcher(line(yaml, notYaml)).find()
                            ? "; a field with brackets is quoted: \"tags[]\"" : ""));
            return null;
        } catch (YamlEngineException notYaml) {
            problems.add(Optional.empty(), "this is not YAML: " + oneLine(notYaml.getMessage()));
            return null;
        }
    }

    private static boolean isHarmless(Iterable<Event> events, String what, Problems problems) {
        int depth = 0;
        int documents = 0;
        for (Event event : events) {
            if (event instanceof DocumentStartEvent && ++documents > 1) {
                problems.add(event.getStartMark(), "expected one " + what + " in a file, found another after ---");
                return false;
            }
            boolean named = event instanceof NodeEvent node && node.getAnchor().isPresent();
            if (event instanceof AliasEvent || named) {
                problems.add(event.getStartMark(),
                        "anchors and aliases (& and *) are not read here; write the value out");
                return false;
            }
            if (event instanceof CollectionStartEvent && ++depth > DEPTH_MAX) {
                problems.add(event.getStartMark(),
                        "expected at most " + DEPTH_MAX + " levels inside one another, found more");
                return false;
            }
            if (event instanceof CollectionEndEvent) {
                depth--;
            }
        }
        return true;
    }

    private static String line(String yaml, MarkedYamlEngineException problem) {
        return problem.getProblemMark().flatMap(mark -> yaml.lines().skip(mark.getLine()).findFirst()).orElse("");
    }

    private static String oneLine(@Nullable String message) {
        String text = message == null ? "" : message.replaceAll("\\p{Cntrl}+", " ").strip();
        return text.length() <= 200 ? text : text.substring(0, 200) + "…";
    }
}
