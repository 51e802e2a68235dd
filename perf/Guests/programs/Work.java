import java.util.ArrayList;
import java.util.HashMap;

public class Work {
    public static void main(String[] arguments) {
        HashMap<Integer, Integer> counts = new HashMap<>();
        ArrayList<String> words = new ArrayList<>();
        long state = 1;
        for (int i = 0; i < 400_000; i++) {
            state = state * 6364136223846793005L + 1442695040888963407L;
            counts.merge((int) (state >>> 52), 1, Integer::sum);
            words.add(Long.toString(state >>> 48, 36));
        }
        words.sort(null);
        long sum = 0;
        for (String word : words) {
            sum = sum * 31 + word.hashCode();
        }
        System.out.println(counts.size() + " " + sum);
    }
}
