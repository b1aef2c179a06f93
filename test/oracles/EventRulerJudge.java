import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import software.amazon.event.ruler.JsonRuleCompiler;
import software.amazon.event.ruler.Machine;
import software.amazon.event.ruler.MachineComplexityEvaluator;
import software.amazon.event.ruler.Ruler;

/** Asks EventBridge's own matcher: a JSON line {"pattern", "event"} in, its answer out. */
final class EventRulerJudge {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MOST_COUNTED = 1000;

  public static void main(String[] arguments) throws Exception {
    var questions = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    for (var line = questions.readLine(); line != null; line = questions.readLine()) {
      answers.println(JSON.writeValueAsString(answer(JSON.readTree(line))));
    }
  }

  private static ObjectNode answer(JsonNode question) throws Exception {
    var pattern = question.get("pattern").toString();
    var answer = JSON.createObjectNode();
    var fault = JsonRuleCompiler.check(pattern);
    answer.put("fault", fault);
    if (fault == null) {
      answer.put("matches", Ruler.matchesRule(question.get("event").toString(), pattern));
      answer.put("complexity", complexityOf(pattern));
    }
    return answer;
  }

  private static int complexityOf(String pattern) throws Exception {
    var machine = new Machine();
    machine.addRule("rule", pattern);
    return machine.evaluateComplexity(new MachineComplexityEvaluator(MOST_COUNTED));
  }
}
