using System.Diagnostics;
using System.Globalization;
using Iced.Intel;
using Jitvmm.Tests.Differential;

return new DiffTest(args).Run();

/// <summary>
/// difftest: compares instruction forms between the engine and the host CPU from the command line.
/// </summary>
internal sealed class DiffTest(string[] arguments)
{
    private const string Usage = """
        difftest [--filter TEXT[,TEXT]] [--count N] [--encodings N] [--seed N] [--case SEED:FORM:VARIATION[:CASE]]
                 [--blocks N [--integer]] [--tier 0|1] [--unchecked] [--nightly [N]] [--self] [--list] [--record FILE] [--write-vectors FOLDER] [--failures N] [--trace]
          --filter     forms whose Iced code or CPUID feature contains TEXT (mnemonic=TEXT for exactly that mnemonic)
          --count      input states per encoding (default 24)
          --encodings  encodings per form (default 12)
          --blocks     compare so many random blocks of instructions instead of single forms
          --integer    blocks of integer instructions only
          --unchecked  compiled code without permission checks; cases that fault are left out
          --nightly    both tiers, all forms and blocks, until N comparisons are done (default 50 million); a random seed unless given
          --self       the oracle against itself: finds what is not reproducible on the host
          --write-vectors  write one vector per form into the files of FOLDER
          --record     append the first failing case of every form to FILE as a test vector
          --list       print forms in scope, with the reasons of those left out
          --failures   examples shown (default 40)
        """;

    private readonly Dictionary<string, string> _options = Parse(arguments);
    private readonly HashSet<string> _recorded = [];

    public int Run()
    {
        if (_options.ContainsKey("help") || NativeOracle.Unavailable is not null)
        {
            Console.Error.WriteLine(NativeOracle.Unavailable ?? Usage);
            return 2;
        }

        List<Form> forms = [.. FormCatalog.All.Where(form => Matches(form.Code))];
        if (_options.ContainsKey("list"))
        {
            foreach (Form form in forms)
            {
                Console.WriteLine($"{form.Code,-36} {form.Code.ToOpCode().ToInstructionString(),-44} {form.Excluded}");
            }

            return 0;
        }

        return _options.ContainsKey("nightly") ? RunLong() : RunSelected(forms);
    }

    private int RunLong()
    {
        ulong seed = _options.ContainsKey("seed") ? (ulong)Number("seed", 1) : (ulong)DateTime.UtcNow.Ticks;
        long comparisons = _options["nightly"].Length > 0 ? Number("nightly", 0) : LongComparison.NightlyComparisons;
        var comparison = new LongComparison(Console.WriteLine);
        comparison.Run(seed, comparisons);
        Console.WriteLine($"{comparison.Comparisons} comparisons, {comparison.FailingLabels.Count} labels failing: {string.Join(' ', comparison.FailingLabels.Order(StringComparer.Ordinal))}");
        return comparison.FailingLabels.Count == 0 ? 0 : 1;
    }

    private int RunSelected(List<Form> forms)
    {
        using var oracle = new NativeOracle();
        using GuestUnderTest? guest = _options.ContainsKey("self") ? null : new GuestUnderTest(Number("tier", 0), !_options.ContainsKey("unchecked"));
        bool writes = _options.TryGetValue("write-vectors", out string? folder);
        using var run = new DifferentialRun(oracle, guest) { IsMinimal = writes };
        if (writes)
        {
            run.OnCase = (program, input, expected, name) => WriteOnce(folder!, program, input, expected, name);
        }

        if (_options.ContainsKey("trace"))
        {
            run.Trace = Console.WriteLine;
        }

        if (_options.TryGetValue("record", out string? file))
        {
            run.OnFailure = (program, input, expected, name) => Record(file, program, input, expected, name);
        }

        var clock = Stopwatch.StartNew();
        Compare(run, forms);
        run.Flush();
        Print(run.Report, clock.Elapsed);
        return run.Report.FailuresByLabel.Count == 0 ? 0 : 1;
    }

    private void Compare(DifferentialRun run, List<Form> forms)
    {
        int cases = Number("count", 24);
        if (_options.TryGetValue("case", out string? one))
        {
            run.RunNamed(one);
            return;
        }

        for (int i = 0; i < Number("blocks", 0); i++)
        {
            run.RunBlock((ulong)Number("seed", 1), i, Math.Min(cases, 16), _options.ContainsKey("integer"));
        }

        if (_options.ContainsKey("blocks") && !_options.ContainsKey("filter"))
        {
            return;
        }

        foreach (Form form in forms)
        {
            if (form.IsCompared)
            {
                run.RunForm(form.Code, (ulong)Number("seed", 1), Number("encodings", 12), cases);
            }
        }
    }

    private void Print(RunReport report, TimeSpan elapsed)
    {
        int shown = 0;
        foreach (Failure failure in report.Failures.DistinctBy(failure => (failure.Label, failure.Cause)))
        {
            if (shown++ < Number("failures", 40))
            {
                Console.WriteLine($"{failure.Label}   --case {failure.Reproduce}\n{failure.Description}");
            }
        }

        foreach (var group in report.Causes.GroupBy(entry => entry.Key.Cause).OrderByDescending(group => group.Count()))
        {
            Console.WriteLine($"FAIL {group.Key}: {group.Count()} forms, {group.Sum(entry => entry.Value)} cases");
            Console.WriteLine($"     {string.Join(' ', group.OrderBy(entry => entry.Key.Label, StringComparer.Ordinal).Select(entry => $"{entry.Key.Label}({entry.Value}/{report.CasesByLabel[entry.Key.Label]})"))}");
        }

        if (report.NotEncoded.Count > 0)
        {
            Console.WriteLine($"not encoded: {string.Join(' ', report.NotEncoded)}");
        }

        var neverCompleted = report.CasesByLabel.Keys.Where(label => Enum.TryParse(label, out Code code) && !report.Completed.Contains(code)).ToList();
        if (neverCompleted.Count > 0)
        {
            Console.WriteLine($"only faults on the host: {string.Join(' ', neverCompleted)}");
        }

        Console.WriteLine($"{report.CasesByLabel.Count} forms, {report.FailuresByLabel.Count} failing, {report.Comparisons} comparisons in {elapsed.TotalSeconds:f1} s");
    }

    private bool Matches(Code code)
    {
        if (!_options.TryGetValue("filter", out string? filter))
        {
            return true;
        }

        foreach (string part in filter.Split(','))
        {
            bool matches = part.StartsWith("mnemonic=", StringComparison.Ordinal)
                ? code.Mnemonic().ToString().Equals(part["mnemonic=".Length..], StringComparison.OrdinalIgnoreCase)
                : code.ToString().Contains(part, StringComparison.OrdinalIgnoreCase)
                    || code.CpuidFeatures().Any(feature => feature.ToString().Equals(part, StringComparison.OrdinalIgnoreCase));
            if (matches)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>One vector per form, in the file of its family: the first case that does not fault, for forms that can do without.</summary>
    private unsafe void WriteOnce(string folder, TestProgram program, nint input, nint expected, string name)
    {
        Code code = program.Instructions[0].Code;
        if ((((CaseOutput*)expected)->Signal == 0 || OnlyFaults(code)) && _recorded.Add(code.ToString()))
        {
            string file = Path.Combine(folder, $"{FormCatalog.FamilyOf(code)}.txt".ToLowerInvariant());
            File.AppendAllText(file, VectorFile.Write(name, program, (CaseInput*)input, (CaseOutput*)expected));
        }
    }

    private static bool OnlyFaults(Code code) =>
        code.ToOpCode() is { IsPrivileged: true } or { MustBeCpl0: true } or { IsInputOutput: true } || code.FlowControl() is FlowControl.Exception or FlowControl.Interrupt
        || code.Mnemonic() is Mnemonic.Cli or Mnemonic.Sti or Mnemonic.Xsetbv;

    private unsafe void Record(string file, TestProgram program, nint input, nint expected, string name)
    {
        if (_recorded.Add(name.Split(':')[1]))
        {
            File.AppendAllText(file, VectorFile.Write(name, program, (CaseInput*)input, (CaseOutput*)expected));
        }
    }

    private int Number(string option, int fallback) =>
        _options.TryGetValue(option, out string? value) ? int.Parse(value, CultureInfo.InvariantCulture) : fallback;

    private static Dictionary<string, string> Parse(string[] arguments)
    {
        var options = new Dictionary<string, string>(StringComparer.Ordinal);
        for (int i = 0; i < arguments.Length; i++)
        {
            string name = arguments[i].TrimStart('-');
            bool hasValue = i + 1 < arguments.Length && !arguments[i + 1].StartsWith("--", StringComparison.Ordinal);
            options[name] = hasValue ? arguments[++i] : "";
        }

        return options;
    }
}
