using System.Globalization;
using System.Text;
using Jitvmm.Devices.Platform;
using Jitvmm.Devices.Processors;
using Jitvmm.Runtime.Paravirt;

namespace Jitvmm;

/// <summary>What <c>--stats</c> prints of a machine's paravirtual interface: interrupts ended without a callout, hypercalls and where they are.</summary>
internal static class ParavirtualReport
{
    public static string Describe(Machine machine)
    {
        long written = machine.Processors.Sum(static processor => processor.Apic.EndsWritten);
        long elided = machine.Processors.Sum(static processor => processor.Apic.EndsElided);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"  ends of interrupt        {written + elided,14:N0}\n");
        if (machine.Processors[0].Hypervisor is not { } hypervisor)
        {
            return text.ToString();
        }

        text.Append(CultureInfo.InvariantCulture, $"  of these in memory       {elided,14:N0}\n");
        IReadOnlyList<HypercallSite> sites = hypervisor.Sites.All;
        ulong other = hypervisor.Sites.TimesTaken(0);
        ulong calls = sites.Aggregate(other, (sum, site) => sum + hypervisor.Sites.TimesTaken(site.Index));
        text.Append(CultureInfo.InvariantCulture, $"  hypercalls ({hypervisor.Name})         {calls,14:N0}\n");
        ulong outside = machine.Processors.Aggregate(0ul, static (sum, processor) => sum + (processor.Paravirtual?.Callouts ?? 0));
        text.Append(CultureInfo.InvariantCulture, $"  of these compiled        {calls - Math.Min(calls, outside),14:N0}\n");
        foreach (HypercallSite site in sites)
        {
            text.Append(CultureInfo.InvariantCulture, $"    {site.Address:x16} {Describe(hypervisor, site),-50} {hypervisor.Sites.TimesTaken(site.Index),14:N0}\n");
        }

        return text.ToString();
    }

    private static string Describe(ParavirtualInterface hypervisor, HypercallSite site)
    {
        string name = site.Number is { } number ? hypervisor.NameOf(number) : "";
        string call = site.Number == null ? "any number" : name.Length == 0 ? $"number {site.Number}" : $"{site.Number} {name}";
        string kind = site.Kind switch
        {
            HypercallSiteKind.Page => "page",
            HypercallSiteKind.Rewritten => "rewritten",
            _ => "instruction",
        };
        return $"{site.Instruction.ToString().ToLowerInvariant()} {call}, {kind}{(site.IsReplaced ? ", replaced" : "")}";
    }
}
