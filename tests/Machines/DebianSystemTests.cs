using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Jitvmm.Tests.Tidy;

namespace Jitvmm.Tests.Machines;

/// <summary>A minimal Debian with sysvinit (see <c>make-debian-root</c>) to its login, and what one does there.</summary>
[Trait("Program", "Guest")]
public sealed class DebianSystemTests
{
    private const string Image = "machines/debian.img";
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(10);

    [GuestKernelTheory("cloud", Disk = Image)]
    [InlineData(2)]
    public async Task It_boots_to_a_login_and_fetches_a_file_from_the_host(int processors)
    {
        using var folder = new ScratchFolder();
        byte[] content = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(1, 50000).Select(number => $"{number}\n")));
        File.Copy(Path.Combine(RepositoryRoot.Path, ".cache", Image), folder["disk"]);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        using var ending = new CancellationTokenSource();
        Task<string> serving = Serve(listener, content, ending.Token);
        using var machine = new MachineProcess(
            "--kernel", GuestKernel.Cloud.Image, "--nvme", folder["disk"], "--append", "console=ttyS0 root=/dev/nvme0n1 rw devtmpfs.mount=1", "--net", "user,loopback", "--cpus", $"{processors}");
        machine.WaitFor("guest login: ", s_limit);
        machine.Type("root\n");
        machine.WaitFor("root@guest:~# ", s_limit);
        machine.Type($"wget -q -O - http://10.0.2.2:{port}/file | sha256sum\n");
        machine.WaitFor($"{Convert.ToHexStringLower(SHA256.HashData(content))}  -\n", s_limit);
        machine.Type("poweroff\n");
        machine.WaitForEnd(s_limit);
        Assert.StartsWith("GET /file HTTP/1.1", await serving, StringComparison.Ordinal);
        Assert.True(machine.Console.Contains("reboot: Power down", StringComparison.Ordinal), machine.Report);
        Assert.False(machine.Console.Contains("Call Trace:", StringComparison.Ordinal), machine.Report);
    }

    /// <summary>Answers one request; the request.</summary>
    private static async Task<string> Serve(TcpListener listener, byte[] content, CancellationToken ending)
    {
        using TcpClient client = await listener.AcceptTcpClientAsync(ending);
        NetworkStream stream = client.GetStream();
        var request = new StringBuilder();
        byte[] bytes = new byte[1024];
        while (!request.ToString().Contains("\r\n\r\n", StringComparison.Ordinal))
        {
            int count = await stream.ReadAsync(bytes, ending);
            if (count == 0)
            {
                return request.ToString();
            }

            request.Append(Encoding.ASCII.GetString(bytes, 0, count));
        }

        string head = string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 200 OK\r\nContent-Length: {content.Length}\r\nConnection: close\r\n\r\n");
        await stream.WriteAsync(Encoding.ASCII.GetBytes(head), ending);
        await stream.WriteAsync(content, ending);
        return request.ToString();
    }
}
