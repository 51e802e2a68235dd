using Jitvmm.Tests.Guests;

namespace Jitvmm.Tests.Linux.Files;

/// <summary>Guest programs without a C library that check calls about files; the line that failed is their exit status.</summary>
[Trait("Program", "Guest")]
public sealed class GuestFileTests
{
    [ToolFact("gcc")]
    public void File_calls_do_what_the_host_does() => CompareWithHost("files");

    [ToolFact("gcc")]
    public void Socket_calls_do_what_the_host_does() => CompareWithHost("sockets");

    [ToolFact("gcc")]
    public void System_calls_do_not_lead_out_of_the_view()
    {
        using GuestProgramFolder folder = new("confined");
        foreach (string tier in (ReadOnlySpan<string>)["0", "1", "auto"])
        {
            folder.Clean();
            Assert.Equal((0, ""), folder.Run([ProgramComparison.Vmm, "run", "--tier", tier, folder.Program]));
        }
    }

    private static void CompareWithHost(string program)
    {
        using GuestProgramFolder folder = new(program);
        Assert.Equal((0, ""), folder.Run([folder.Program]));
        foreach (string tier in (ReadOnlySpan<string>)["0", "auto"])
        {
            folder.Clean();
            Assert.Equal((0, ""), folder.Run([ProgramComparison.Vmm, "run", "--tier", tier, folder.Program]));
        }
    }
}
