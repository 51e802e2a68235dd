using System.Globalization;
using System.Runtime.InteropServices;
using Iced.Intel;

namespace Jitvmm.Tests.Differential;

/// <summary>A case on which engine and host disagree.</summary>
/// <param name="Label">Form or kind of block.</param>
/// <param name="Reproduce">Names the one case: seed, form, variation, case number.</param>
/// <param name="Description">Code, inputs, expected and got.</param>
/// <param name="Cause">In which way they disagree; groups failures.</param>
public sealed record Failure(string Label, string Reproduce, string Description, string Cause);

/// <summary>What a run did.</summary>
public sealed class RunReport
{
    public long Comparisons { get; set; }

    /// <summary>Failing cases by label; <see cref="Failures"/> keeps only the first few of each.</summary>
    public SortedDictionary<string, long> FailuresByLabel { get; } = new(StringComparer.Ordinal);

    public SortedDictionary<string, long> CasesByLabel { get; } = new(StringComparer.Ordinal);

    public List<Failure> Failures { get; } = [];

    /// <summary>Failing cases by cause and label.</summary>
    public Dictionary<(string Cause, string Label), long> Causes { get; } = [];

    /// <summary>Forms for which no encoding could be made.</summary>
    public List<Code> NotEncoded { get; } = [];

    /// <summary>Forms for which the engine raised #UD where the host did not.</summary>
    public HashSet<Code> Unimplemented { get; } = [];

    /// <summary>Forms that ran to their end on the host at least once.</summary>
    public HashSet<Code> Completed { get; } = [];
}

/// <summary>Feeds programs to oracle and engine in batches and compares.</summary>
public sealed unsafe class DifferentialRun : IDisposable
{
    private const string Block = "block";
    private const string IntegerBlock = "integer-block";
    private const int KeptPerCause = 2;
    private const int DefaultCases = 64;
    private const ulong InvalidOpcode = 6;

    private readonly NativeOracle _oracle;
    private readonly GuestUnderTest? _guest;
    private readonly List<Pending> _pending = [];
    private readonly CodeArena _arena = new();
    private readonly CaseOutput* _actual = (CaseOutput*)NativeMemory.AlignedAlloc((nuint)sizeof(CaseOutput), 64);
    private readonly CaseOutput* _other = (CaseOutput*)NativeMemory.AlignedAlloc((nuint)sizeof(CaseOutput), 64);
    private int _lap;
    private int _onlyCase = -1;

    /// <param name="oracle">The reference.</param>
    /// <param name="guest">The engine; null runs the oracle twice, which finds cases that are not reproducible on the host itself.</param>
    public DifferentialRun(NativeOracle oracle, GuestUnderTest? guest)
    {
        _oracle = oracle;
        _guest = guest;
    }

    public RunReport Report { get; } = new();

    /// <summary>Sees every failing case with its expected outcome, for example to write vectors.</summary>
    public Action<TestProgram, nint, nint, string>? OnFailure { get; set; }

    /// <summary>Sees every case's program, input, outcome on the host, and name.</summary>
    public Action<TestProgram, nint, nint, string>? OnCase { get; set; }

    /// <inheritdoc cref="CaseGenerator.IsMinimal"/>
    public bool IsMinimal { get; init; }

    /// <summary>Whether to dump every case instead of failing ones only.</summary>
    public Action<string>? Trace { get; set; }

    /// <summary>Compares one form: so many encodings, each with so many input states.</summary>
    public void RunForm(Code code, ulong seed, int encodings, int cases, int onlyVariation = -1)
    {
        bool encoded = false;
        for (int variation = 0; variation < encodings; variation++)
        {
            if (onlyVariation >= 0 && variation != onlyVariation)
            {
                continue;
            }

            ulong programSeed = CaseRandom.Mix(seed ^ CaseRandom.Mix(((ulong)code << 20) + (ulong)variation));
            var random = new CaseRandom(programSeed);
            ulong address = TakeCode(TestProgram.SingleLength, random);
            TestProgram? program = new FormEncoder(random).Build(code, variation, address);
            if (program is null)
            {
                continue;
            }

            encoded = true;
            bool loadsImage = code.ToOpCode().IsSaveRestore || program.Instructions[0].Mnemonic is Mnemonic.Fldenv;
            program.MemorySeed = (programSeed & ~TestMemory.StateImages) | (loadsImage ? TestMemory.StateImages : 0);
            Enqueue(program, code.ToString(), $"{seed}:{code}:{variation}", programSeed, cases, code);
        }

        if (!encoded && onlyVariation < 0)
        {
            Report.NotEncoded.Add(code);
        }
    }

    /// <summary>Runs what <see cref="Failure.Reproduce"/> names.</summary>
    public void RunNamed(string name)
    {
        string[] parts = name.Split(':');
        ulong seed = ulong.Parse(parts[0], CultureInfo.InvariantCulture);
        int variation = int.Parse(parts[2], CultureInfo.InvariantCulture);
        _onlyCase = parts.Length > 3 ? int.Parse(parts[3], CultureInfo.InvariantCulture) : -1;
        int cases = _onlyCase >= 0 ? _onlyCase + 1 : DefaultCases;
        if (parts[1] is Block or IntegerBlock)
        {
            RunBlock(seed, variation, cases, parts[1] == IntegerBlock);
        }
        else
        {
            RunForm(Enum.Parse<Code>(parts[1]), seed, variation + 1, cases, variation);
        }
    }

    /// <summary>Compares one random block; its number and the seed name it.</summary>
    public void RunBlock(ulong seed, int number, int cases, bool integerOnly = false)
    {
        ulong programSeed = CaseRandom.Mix(seed ^ CaseRandom.Mix(0xb10c_0000_0000 + (ulong)number));
        var random = new CaseRandom(programSeed);
        bool loops = number % 3 == 2;
        ulong address = TakeCode(BlockGenerator.MaxBytes, random);
        TestProgram program = new BlockGenerator(random, loops, integerOnly).Build(address);
        program.MemorySeed = programSeed & ~TestMemory.StateImages;
        Enqueue(program, loops ? "loop" : "block", $"{seed}:{(integerOnly ? IntegerBlock : Block)}:{number}", programSeed, cases);
    }

    public void Enqueue(TestProgram program, string label, string name, ulong seed, int cases, Code code = Code.INVALID)
    {
        if (_oracle.ProgramRoom == 0 || _oracle.CaseRoom < cases)
        {
            Flush();
        }

        int first = _oracle.Add(program, cases);
        var generator = new CaseGenerator(program, new CaseRandom(seed)) { IsMinimal = IsMinimal };
        for (int i = 0; i < cases; i++)
        {
            generator.Generate(_oracle.Input(first + i));
        }

        _pending.Add(new Pending(program, label, name, first, cases, code));
    }

    public ulong TakeCode(int length, CaseRandom random)
    {
        ulong address = _arena.Take(length, random);
        if (_arena.Lap != _lap)
        {
            // Programs of the last lap still wait for the engine at the addresses that are handed out again now.
            Flush();
            _lap = _arena.Lap;
        }

        return address;
    }

    /// <summary>Runs what is queued.</summary>
    public void Flush()
    {
        if (_pending.Count == 0)
        {
            return;
        }

        _oracle.Execute();
        CaseOutput[]? repeat = null;
        if (_guest is null)
        {
            repeat = new ReadOnlySpan<CaseOutput>(_oracle.Output(0), _oracle.CaseCount).ToArray();
            _oracle.Execute();
        }

        foreach (Pending pending in _pending)
        {
            RunPending(pending, repeat);
        }

        _pending.Clear();
        _oracle.Clear();
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_actual);
        NativeMemory.AlignedFree(_other);
    }

    private void RunPending(Pending pending, CaseOutput[]? repeat)
    {
        var comparator = new Comparator(pending.Program);
        _guest?.Load(pending.Program, _lap);
        long failures = 0;
        int skipped = 0;
        for (int i = 0; i < pending.Cases; i++)
        {
            CaseInput* input = _oracle.Input(pending.First + i);
            CaseOutput* expected = _oracle.Output(pending.First + i);
            if ((_onlyCase >= 0 && i != _onlyCase) || (expected->Signal != 0 && _guest is { HasExactFaults: false }))
            {
                skipped++;
                continue;
            }

            if (expected->Signal == 0)
            {
                Report.Completed.Add(pending.Code);
            }

            string? description = CompareCase(pending, comparator, input, expected, repeat is null ? null : repeat[pending.First + i], out string cause);
            if (_actual->Signal != 0 && _actual->Trap == InvalidOpcode && !(expected->Signal != 0 && expected->Trap == InvalidOpcode))
            {
                Report.Unimplemented.Add(pending.Code);
            }

            OnCase?.Invoke(pending.Program, (nint)input, (nint)expected, $"{pending.Name}:{i}");
            Trace?.Invoke($"{pending.Name}:{i} {Difference.Disassemble(pending.Program)} -> {Difference.Outcome(expected)}");
            if (description is not null)
            {
                failures++;
                Record(pending, i, description, cause);
                OnFailure?.Invoke(pending.Program, (nint)input, (nint)expected, $"{pending.Name}:{i}");
            }
        }

        Report.Comparisons += pending.Cases - skipped;
        Add(Report.CasesByLabel, pending.Label, pending.Cases - skipped);
        if (failures > 0)
        {
            Add(Report.FailuresByLabel, pending.Label, failures);
        }
    }

    /// <summary>Runs one case in the engine, or takes the oracle's second outcome, and compares: null when they agree.</summary>
    private string? CompareCase(Pending pending, Comparator comparator, CaseInput* input, CaseOutput* expected, CaseOutput? repeat, out string cause)
    {
        cause = "";
        try
        {
            if (_guest is null)
            {
                *_actual = repeat!.Value;
                return comparator.Compare(input, expected, _actual);
            }

            _guest.Run(input, _actual);
            string? description = comparator.Compare(input, expected, _actual);
            for (int again = 0; again < 2 && description is not null && comparator.MayBeCompilersFlags(expected, _actual); again++)
            {
                // Compiling a handler on its first call leaves PE or DE behind in MXCSR; precompiled builds do not compile.
                _guest.Run(input, _actual);
                description = comparator.Compare(input, expected, _actual);
            }

            if (description is null || DependsOnOtherCode(comparator, input))
            {
                return null;
            }

            cause = comparator.Cause(input, expected, _actual);
            return description;
        }
        catch (Exception thrown) when (thrown is not OutOfMemoryException)
        {
            // The engine must never throw on guest code: that is a failure of the case like any other.
            string where = thrown.StackTrace?.Split('\n').FirstOrDefault()?.Trim() ?? "";
            cause = $"engine threw {thrown.GetType().Name}: {thrown.Message}";
            _guest?.Load(pending.Program, _lap);
            Report.Unimplemented.Add(pending.Code);
            return $"  code   {Difference.Disassemble(pending.Program)}\n  engine threw {thrown.GetType().Name}: {thrown.Message} {where}\n";
        }
    }

    /// <summary>Whether a case finds its way into other programs' code, so that host and engine cannot agree.</summary>
    private bool DependsOnOtherCode(Comparator comparator, CaseInput* input)
    {
        CaseOutput first = *_actual;
        for (int pattern = 0; pattern < 2; pattern++)
        {
            _guest!.FillOtherCode((byte)(pattern == 0 ? 0x55 : 0xaa));
            _guest.Run(input, _other);
            if (pattern == 0)
            {
                *_actual = *_other;
            }
        }

        bool depends = comparator.Compare(input, _actual, _other) is not null;
        *_actual = first;
        return depends;
    }

    private void Record(Pending pending, int index, string description, string cause)
    {
        Report.Causes.TryGetValue((cause, pending.Label), out long known);
        Report.Causes[(cause, pending.Label)] = known + 1;
        if (known < KeptPerCause)
        {
            Report.Failures.Add(new Failure(pending.Label, string.Create(CultureInfo.InvariantCulture, $"{pending.Name}:{index}"), description, cause));
        }
    }

    private static void Add(SortedDictionary<string, long> counts, string label, long count)
    {
        counts.TryGetValue(label, out long known);
        counts[label] = known + count;
    }

    private sealed record Pending(TestProgram Program, string Label, string Name, int First, int Cases, Code Code);
}
