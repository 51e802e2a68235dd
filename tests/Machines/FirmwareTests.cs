using System.Text;
using Jitvmm.Tests.Guests;

namespace Jitvmm.Tests.Machines;

/// <summary>Debian's SeaBIOS, unmodified, from the reset vector: 16- and 32-bit code through segments of every kind.</summary>
public sealed class FirmwareTests
{
    private const string Image = "/usr/share/seabios/bios.bin";
    private const string LargeImage = "/usr/share/seabios/bios-256k.bin";
    private const string Marker = "Press ESC for boot menu.";

    [ToolTheory(Image)]
    [InlineData(Image, ExecutionTier.Interpret)]
    [InlineData(Image, ExecutionTier.Auto)]
    [InlineData(LargeImage, ExecutionTier.Auto)]
    public void SeaBIOS_looks_for_something_to_boot(string image, ExecutionTier tier)
    {
        using var guest = new MachineGuest(new MachineGuestOptions { Bios = image, Memory = 64ul << 20, Tier = tier });
        using var watchdog = new Timer(_ => guest.Stop(), null, 120_000, Timeout.Infinite);
        var text = new StringBuilder();
        var reader = new Thread(() => Collect(guest, text));
        reader.Start();
        guest.Run();
        reader.Join();
        Assert.Contains("SeaBIOS (version", text.ToString(), StringComparison.Ordinal);
        Assert.Contains(Marker, text.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_kernel_beside_it_is_refused() =>
        Assert.Throws<MachineGuestException>(() => new MachineGuest(new MachineGuestOptions { Bios = Image, Kernel = Image }));

    private static void Collect(MachineGuest guest, StringBuilder text)
    {
        byte[] buffer = new byte[4096];
        int count;
        while ((count = guest.DebugOutput.Read(buffer)) > 0)
        {
            text.Append(Encoding.ASCII.GetString(buffer, 0, count));
            if (text.ToString().Contains(Marker, StringComparison.Ordinal))
            {
                guest.Stop();
            }
        }
    }
}
