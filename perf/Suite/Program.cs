using Jitvmm.Perf.Measuring;
using Jitvmm.Perf.Measuring.Gate;
using Jitvmm.Perf.Measuring.Report;
using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Perf.Suite;

/// <summary>What <c>perf/run</c> starts: measures, reports, and compares with what was accepted.</summary>
internal static class Program
{
    private const int Failed = 1;
    private const int NotUnderstood = 2;

    private static readonly string s_baselines = Path.Combine(SourceTree.Root, "perf/baselines");

    private static int Main(string[] arguments)
    {
        if (arguments is ["--help"])
        {
            Console.WriteLine(SuiteOptions.Help);
            return 0;
        }

        if (SuiteOptions.Parse(arguments, out string error) is not { } options)
        {
            Console.Error.WriteLine(error);
            return NotUnderstood;
        }

        if (options.TestsGate)
        {
            return GateTest.Run(options) ? 0 : Failed;
        }

        ResultFile results = options.From == null ? SuiteRun.Measure(options) : ResultFile.Read(options.From);
        if (options.From == null)
        {
            Save(options, results);
        }
        else
        {
            // How the report looks may have changed since.
            Report(results, Path.GetDirectoryName(Path.GetFullPath(options.From))!, Path.ChangeExtension(options.From, ".html"));
        }

        Console.WriteLine(TextReport.Write(results));
        bool isGood = results.Failures.Count == 0;
        if (options.Checks)
        {
            isGood &= Check(options, results);
        }

        if (options.Accepts)
        {
            isGood = isGood && Accept(options, results);
        }

        return isGood ? 0 : Failed;
    }

    private static void Save(SuiteOptions options, ResultFile results)
    {
        Directory.CreateDirectory(options.Output);
        string name = $"{results.Taken:yyyyMMdd-HHmmss}-{results.Commit.TrimEnd('+')}";
        string path = Path.Combine(options.Output, name + ".json");
        results.Write(path);
        Console.Error.WriteLine(path);
        Report(results, options.Output, Path.ChangeExtension(path, ".html"));
    }

    private static void Report(ResultFile results, string history, string path)
    {
        File.WriteAllText(path, HtmlReport.Write(results, History.Read(history)));
        Console.Error.WriteLine(path);
    }

    private static bool Check(SuiteOptions options, ResultFile results)
    {
        List<Finding> findings = [];
        bool isComplete = true;
        foreach (ResultTable table in results.Tables.Where(static table => table.Metrics.Count > 0))
        {
            if (Baseline.Read(s_baselines, table.Name) is not { } baseline)
            {
                Console.WriteLine($"{table.Name}: no baseline to compare with; perf/run --only ... --accept --reason TEXT makes one");
                isComplete = false;
                continue;
            }

            if (baseline.Processor != results.Host.Processor)
            {
                Console.WriteLine($"{table.Name}: the baseline was measured on {baseline.Processor}, this is {results.Host.Processor}: ratios may differ for that alone");
            }

            findings.AddRange(RegressionGate.Compare(table, baseline).Where(finding => options.IsWhole || finding.Verdict != Verdict.Missing));
        }

        Console.WriteLine(RegressionGate.Describe(findings));
        int failing = findings.Count(static finding => finding.Fails);
        Console.WriteLine($"{findings.Count} ratios compared, {failing} fail");
        return isComplete && failing == 0;
    }

    private static bool Accept(SuiteOptions options, ResultFile results)
    {
        if (!options.IsWhole || options.VmmOptions.Count + options.VmmEnvironment.Count > 0)
        {
            Console.Error.WriteLine("perf/run: a baseline is of whole tables, and of Jitvmm as users have it: without --quick, --row, --option and --env");
            return false;
        }

        foreach (ResultTable table in results.Tables.Where(static table => table.Rows.Count > 0 && table.Metrics.Count > 0))
        {
            Baseline.From(results, table, options.Reason).Write(s_baselines);
            Console.WriteLine($"accepted: {Baseline.PathFor(s_baselines, table.Name)}");
        }

        return true;
    }
}
