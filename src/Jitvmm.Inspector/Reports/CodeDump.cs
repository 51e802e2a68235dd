using System.Globalization;
using Iced.Intel;
using Jitvmm.Inspector.Files;
using Jitvmm.Inspector.Translation;
using Jitvmm.Translator.Emit;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Passes;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Inspector.Reports;

/// <summary>What <c>jitvmm run --dump-ir</c>, <c>--dump-il</c> and <c>--dump-host</c> print: every region that code at an address was compiled in, whole, in one form.</summary>
public static class CodeDump
{
    /// <summary>Code that rewrites itself is compiled again and again: the last times are shown.</summary>
    private const int MostRegions = 8;

    /// <summary>Prints one form of the regions that have an address in them, oldest first; one line, if there is none.</summary>
    /// <param name="output">Receives it.</param>
    /// <param name="view">What was recorded.</param>
    /// <param name="form">What of them.</param>
    /// <param name="place">An address in hexadecimal, a symbol, or symbol+distance.</param>
    public static void Write(TextWriter output, CacheView view, CodeForm form, string place)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(view);
        string option = form switch { CodeForm.Ir => "--dump-ir", CodeForm.Il => "--dump-il", _ => "--dump-host" };
        if (view.ParseAddress(place) is not { } address)
        {
            output.Write($"jitvmm: {option} {ReportTable.Printable(place)}: neither an address nor a symbol of code that ran\n");
            return;
        }

        List<int> regions = RegionsWith(view, address);
        if (regions.Count == 0)
        {
            output.Write($"jitvmm: {option} {ReportTable.Printable(place)}: not compiled: {ExplainReport.WhyNotCompiled(view, address)}\n");
            return;
        }

        foreach (int number in regions.TakeLast(MostRegions))
        {
            RegionRecord region = view.File.Regions[number];
            string left = regions.Count > MostRegions ? Text($", the last {MostRegions} of {regions.Count} regions with this code") : "";
            output.Write($"jitvmm: {option} {ReportTable.Printable(place)}: {Describe(view, number, region)}{left}\n");
            switch (form)
            {
                case CodeForm.Ir:
                    WriteIr(output, view, region);
                    break;
                case CodeForm.Il:
                    WriteIl(output, view, region);
                    break;
                default:
                    WriteHost(output, view, region);
                    break;
            }
        }
    }

    private static List<int> RegionsWith(CacheView view, ulong address)
    {
        HashSet<uint> blocks = [.. view.Index.All(address).Select(static block => (uint)block)];
        List<int> regions = [];
        for (int i = 0; i < view.File.Regions.Length; i++)
        {
            foreach (RegionPartRecord part in view.File.PartsOf(view.File.Regions[i]))
            {
                if (part.Entry != RegionPartRecord.Dependency && blocks.Contains(part.Block))
                {
                    regions.Add(i);
                    break;
                }
            }
        }

        return regions;
    }

    private static string Describe(CacheView view, int number, in RegionRecord region)
    {
        string ended = region.State == TranslationState.Live ? "" : Text($", {ListReport.NameOf(region.State)} after {region.Gone} ms");
        return Text($"region {number} for {Named(view, view.File.Blocks[(int)region.Head].Address)}, {region.Instructions} instructions, compiled after {region.Made} ms in {region.CompileTime} us{ended}");
    }

    /// <summary>As lifted, with all operations; behind each pass, those that something uses, with the number of uses; and then those that the emitter evaluates where they are used.</summary>
    private static void WriteIr(TextWriter output, CacheView view, in RegionRecord region)
    {
        (RegionTranslation? translation, string? problem) = RegionTranslation.Make(view.File, region, (translation, pass) =>
        {
            output.Write($"after {pass}\n");
            WriteIr(output, view, translation.Blocks, showsInlined: false);
            if (IrVerifier.FirstProblem(translation.Blocks) is { } invalid)
            {
                output.Write($"this is not valid: {invalid}\n");
            }
        });
        if (translation == null)
        {
            output.Write($"IR is made again from the guest's code, but {problem}\n");
            return;
        }

        output.Write("as the emitter evaluates it (> where it is used)\n");
        WriteIr(output, view, translation.Blocks, showsInlined: true);
    }

    private static void WriteIr(TextWriter output, CacheView view, IReadOnlyList<RegionBlock> blocks, bool showsInlined)
    {
        Formatter formatter = GuestCode.CreateFormatter(view.Symbols);
        foreach (RegionBlock block in blocks)
        {
            output.Write($"  block {Named(view, block.Address)}{(block.Entry >= 0 ? Text($", entry {block.Entry}") : "")}{(block.IsLoopHead ? ", head of a loop" : "")}\n");
            bool[] inlined = showsInlined ? Inlining.Plan(block.Code, block.Used) : [];
            int guest = -1;
            for (int i = 0; i < block.Code.Length; i++)
            {
                ref readonly IrInstruction op = ref block.Code[i];
                if (block.Used.Length > 0 && block.Used[i] == 0)
                {
                    continue;
                }

                if (op.Guest != guest)
                {
                    guest = op.Guest;
                    output.Write(Text($"    {block.Instructions[guest].IP:x} {GuestCode.Format(formatter, block.Instructions[guest])}\n"));
                }

                string uses = block.Used.Length > 0 ? Text($"  ; {block.Used[i]}") : "";
                output.Write($"      {(showsInlined && inlined[i] ? "> " : "  ")}{IrText.Of(op, i)}{uses}\n");
            }
        }
    }

    private static void WriteIl(TextWriter output, CacheView view, in RegionRecord region)
    {
        (RegionTranslation? translation, string? problem) = RegionTranslation.Make(view.File, region);
        (IlListing? listing, string? problemOfIl) = translation?.ListIl() ?? (null, problem);
        if (listing == null)
        {
            output.Write($"IL is made again from the guest's code, but {problemOfIl}\n");
            return;
        }

        Formatter formatter = GuestCode.CreateFormatter(view.Symbols);
        Dictionary<ulong, Instruction> instructions = translation!.Blocks.SelectMany(static block => block.Instructions).DistinctBy(static instruction => instruction.IP).ToDictionary(static instruction => instruction.IP);
        ulong guest = ulong.MaxValue;
        foreach (IlLine line in listing.Lines)
        {
            if (line.Guest != guest)
            {
                guest = line.Guest;
                output.Write(instructions.TryGetValue(guest, out Instruction instruction) ? Text($"    {guest:x} {GuestCode.Format(formatter, instruction)}\n") : "    entries and ways out\n");
            }

            output.Write(Text($"      {line.Offset,5} {line.Text}\n"));
        }
    }

    private static void WriteHost(TextWriter output, CacheView view, in RegionRecord region)
    {
        byte[] code = view.File.HostCodeOf(region).ToArray();
        if (code.Length == 0)
        {
            output.Write("its host code was not read: its end was not found\n");
            return;
        }

        Formatter formatter = GuestCode.CreateHostFormatter();
        foreach (Instruction instruction in GuestCode.Decode(code, region.HostAddress, 64))
        {
            int offset = (int)(instruction.IP - region.HostAddress);
            output.Write(Text($"    {instruction.IP:x} {GuestCode.Hex(code.AsSpan(offset, instruction.Length)),-24} {GuestCode.Format(formatter, instruction)}\n"));
        }

        output.Write(Text($"  {code.Length} bytes\n"));
    }

    private static string Named(CacheView view, ulong address) => Text($"{address:x} {ReportTable.Printable(view.Symbols.Describe(address))}").TrimEnd();

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
