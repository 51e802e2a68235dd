using Iced.Intel;
using Jitvmm.Tests.Tidy;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Lift;
using Xunit.Abstractions;

namespace Jitvmm.Tests.Differential;

/// <summary>Which of the instruction forms of x86-64-v3 the engine lifts, and which are compared with the host CPU.</summary>
[Collection(GuestMemoryCollection.Name)]
public sealed class CoverageTests(ITestOutputHelper output)
{
    /// <summary>Reason and forms, one line each: what is left out on purpose.</summary>
    private const string ListFile = "tests/Differential/not-compared.txt";

    [Fact]
    public void Every_form_is_lifted_or_listed()
    {
        HashSet<Code> lifted = Lifted();
        Form[] missing = [.. FormCatalog.All.Where(form => !lifted.Contains(form.Code))];
        int compared = FormCatalog.All.Count(form => form.IsCompared);
        output.WriteLine($"{FormCatalog.All.Count - missing.Length} / {FormCatalog.All.Count} forms of x86-64-v3 that Iced knows are lifted, {compared} compared with the host");
        output.WriteLine($"not lifted, so #UD: {string.Join(' ', missing.Select(form => form.Code))}");
        Assert.DoesNotContain(missing, form => form.IsCompared && !IsUndefined(form.Code));
    }

    [Fact]
    public void What_is_not_compared_is_listed_with_its_reason()
    {
        string[] lines =
        [
            .. FormCatalog.All.Where(form => !form.IsCompared).GroupBy(form => form.Excluded).OrderBy(group => group.Key, StringComparer.Ordinal)
                .Select(group => $"{group.Key}: {string.Join(' ', group.Select(form => form.Code.ToString()).Order(StringComparer.Ordinal))}"),
        ];
        output.WriteLine(string.Join('\n', lines));
        Assert.Equal(File.ReadAllLines(Path.Combine(RepositoryRoot.Path, ListFile)).Where(line => !line.StartsWith('#')), lines);
    }

    [HostFact]
    public void Every_compared_form_is_executed()
    {
        using var session = new ComparisonSession(0);
        foreach (Form form in FormCatalog.All.Where(form => form.MayRunOnHost))
        {
            session.Run.RunForm(form.Code, 1, 2, 4);
        }

        session.Run.Flush();
        Assert.Empty(FormCatalog.All.Where(form => form.IsCompared && session.Run.Report.Unimplemented.Contains(form.Code)).Select(form => form.Code));
    }

    /// <summary>#UD is what they are for, or what user code gets on any CPU here.</summary>
    private static bool IsUndefined(Code code) => code.Mnemonic() is Mnemonic.Ud0 or Mnemonic.Ud1 or Mnemonic.Ud2;

    private static HashSet<Code> Lifted()
    {
        var codes = new HashSet<Code>();
        var builder = new IrBuilder();
        var lifter = new Lifter(builder);
        foreach (Translator.Handlers.FormCatalog.Form form in Translator.Handlers.FormCatalog.All())
        {
            builder.Clear();
            if (lifter.TryLift(form.Instruction, Operands.AddressForm.General))
            {
                codes.Add(form.Instruction.Code);
            }
        }

        return codes;
    }
}
