import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

public class Program {
    interface Shape { double area(); }

    record Square(double side) implements Shape { public double area() { return side * side; } }

    static int fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

    public static void main(String[] arguments) throws Exception {
        System.out.println(fibonacci(27));
        TreeMap<String, Integer> words = new TreeMap<>();
        for (int i = 0; i < 50_000; i++) words.merge("w" + i % 13, i, Integer::sum);
        System.out.println(words);
        List<Shape> shapes = new ArrayList<>();
        for (int i = 0; i < 1000; i++) shapes.add(new Square(i / 7.0));
        System.out.println(shapes.stream().mapToDouble(Shape::area).sum());
        try {
            Object nothing = arguments.length == 0 ? null : arguments;
            System.out.println(nothing.hashCode());
        } catch (NullPointerException error) {
            System.out.println("caught " + error.getClass().getSimpleName());
        }
        var pool = Executors.newFixedThreadPool(3);
        List<Future<Long>> results = new ArrayList<>();
        for (int t = 0; t < 6; t++) {
            final long seed = t;
            results.add(pool.submit(() -> {
                long x = seed + 1;
                for (int i = 0; i < 100_000; i++) x = x * 6364136223846793005L + 1442695040888963407L;
                return x;
            }));
        }
        for (Future<Long> result : results) System.out.println(result.get());
        pool.shutdown();
        StringBuilder garbage = new StringBuilder();
        for (int i = 0; i < 200; i++) garbage.append(new byte[100_000].length % 7);
        System.out.println(garbage.length() + " " + Math.sin(1e6) + " " + String.format("%.3f", Math.PI));
        System.exit(9);
    }
}
