using System.Buffers.Binary;
using Jitvmm.Devices.Virtio;
using Xunit.Abstractions;

namespace Jitvmm.Tests.Devices.Fuzz;

/// <summary>The 9P server against random conversations: each request is answered, in the size that was agreed on, and nothing beside the share changes.</summary>
public sealed class NineFuzzTests(ITestOutputHelper output) : IDisposable
{
    private const int Operations = 20_000;
    private const ulong Request = 0x200000;
    private const int MaximumMessage = 512 * 1024;
    private const int ReplyRoom = MaximumMessage + 4096;

    private readonly string _folder = Directory.CreateTempSubdirectory("nine").FullName;

    // .NET cannot name what may be in there.
    public void Dispose() => System.Diagnostics.Process.Start("rm", ["-rf", _folder]).WaitForExit();

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(3, true)]
    public void No_conversation_breaks_the_server(int seed, bool isReadOnly)
    {
        string share = Directory.CreateDirectory(Path.Combine(_folder, "share")).FullName;
        string beside = Path.Combine(_folder, "beside");
        File.WriteAllText(beside, "untouched");
        File.CreateSymbolicLink(Path.Combine(share, "out"), beside);
        VirtioShare? device = null;
        using var driver = new VirtioDriver(d => device = new VirtioShare(share, "tag", isReadOnly, d.Memory, d.Machine.Bus));
        _ = driver.Start(1, 0);
        int agreed = MaximumMessage;
        var reply = driver.Place(new byte[ReplyRoom]);
        new FuzzRun(output).Attack(seed, Operations, random => Converse(driver, NineMessages.Next(random), reply, ref agreed), Check);
        device!.Dispose();

        void Check()
        {
            Assert.Equal("untouched", File.ReadAllText(beside));
            Assert.Equal(2, Directory.GetFileSystemEntries(_folder).Length);
        }
    }

    private static void Converse(VirtioDriver driver, byte[] message, (ulong Address, uint Length) reply, ref int agreed)
    {
        Assert.True(driver.Memory.Write(Request, message));
        driver.Submit(0, [(Request, (uint)message.Length)], [reply]);
        int length = (int)driver.TakeUsed(0);
        Assert.InRange(length, 7, agreed);
        byte[] got = driver.Get(reply.Address, 11);
        Assert.Equal(length, BinaryPrimitives.ReadInt32LittleEndian(got));
        Assert.True(got[4] == 7 || got[4] == (byte)(message[4] + 1), $"answer {got[4]} to request {message[4]}");
        if (got[4] == 101)
        {
            agreed = BinaryPrimitives.ReadInt32LittleEndian(got.AsSpan(7));
        }
    }
}
